"""What another policy would have brought, told from replies that the present one chose.

Doubly robust (Robins, Rotnitzky and Zhao 1994; Dudik, Erhan, Langford and Li 2014): what is believed of each
arm, borrowed from its whole dimension (`learning.belief`), is the model; it says the worth of any policy
that takes arms the log has seen, however seldom. Two things correct it as far as the log tells of them, by
the exact probability with which each reply's arm was chosen: that arms were played at other times than the
policy would play them (`drift`), and that replies were not worth what the model says (`misfit`). Where the
model is right the answer is as sure as the belief; where it is wrong and the log holds what the policy
wants, the replies themselves decide.
"""

from statistics import NormalDist
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.belief.estimate import believe
from replyloop_assets.learning.belief.settings import Totals
from replyloop_assets.learning.comparison import Floats, ratio
from replyloop_assets.learning.evaluation.drift import drifted
from replyloop_assets.learning.evaluation.misfit import halves, left_over
from replyloop_assets.learning.evaluation.replies import Replies, relative_variance
from replyloop_assets.learning.evaluation.settings import EvaluationSettings

ADOPT, KEEP, REFUSE = "adopt", "keep", "not enough overlap"
LARGEST_LOG = 50.0  # of an interval's end: a number still, where next to nothing is known


class Evaluation(NamedTuple):
    """What a policy is worth; arrays of one shape, NaN where the log cannot tell.

    `ratio` is its worth over that of the logged one, `low` to `high` its two-sided interval, `bound`
    the lower end of the one-sided one. `ess` is how many replies of its own would tell as much.
    """

    replies: Floats
    logged: Floats  # followers per reply as logged
    value: Floats  # followers per reply under the new policy
    ratio: Floats
    low: Floats
    high: Floats
    bound: Floats
    ess: Floats

    @classmethod
    def at(
        cls, replies: int, logged: Floats, centre: Floats, variance: Floats, ess: Floats, confidence: float
    ) -> Self:
        """From the logarithm of the ratio and its variance, NaN where it cannot be told."""
        error = np.sqrt(variance)

        def times(errors: float) -> Floats:
            return np.asarray(np.exp(np.clip(centre + errors * error, -LARGEST_LOG, LARGEST_LOG)))

        two_sided, one_sided = (NormalDist().inv_cdf(part) for part in ((1 + confidence) / 2, confidence))
        return cls(
            np.full(logged.shape, float(replies)),
            logged,
            times(0) * logged,
            times(0),
            times(-two_sided),
            times(two_sided),
            times(-one_sided),
            np.nan_to_num(ess),
        )

    def is_told(self, settings: EvaluationSettings) -> NDArray[np.bool_]:
        """Whether the interval is narrow enough for an answer."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.high <= settings.widest * self.low)


def conditional(target: Floats, offered: Floats) -> Floats:
    """The new policy over what each decision offered, renormalised; shape (..., replies, arms).

    Where nothing was offered that it would choose, it does what the logged one did.
    """
    wanted = np.where(offered > 0, target[..., None, :], 0.0)
    total = wanted.sum(-1, keepdims=True)
    return np.asarray(np.where(total > 0, wanted / np.where(total > 0, total, 1), offered))


def evaluate(
    offered: Floats, chosen: NDArray[np.intp], y: Floats, target: Floats, settings: EvaluationSettings
) -> Evaluation:
    """The worth of a policy as a multiple of the logged one, from one log or many side by side.

    Policies of one log may stand side by side too: what the log says by itself is worked out once.

    Args:
        offered: the probability that each arm had in each decision, 0 where it was not to be had,
            shape (..., replies, arms); the replies in the order of their decisions.
        chosen: the arm that was chosen, shape (..., replies).
        y: what the reply brought, shape (..., replies).
        target: the new policy's probabilities, shape (..., arms).
    """
    replies = y.shape[-1]
    if not replies:
        return unknown(np.zeros(np.broadcast_shapes(y.shape[:-1], target.shape[:-1])))
    wanted = conditional(target, offered)
    log = Replies.of(offered, chosen)
    totals = log.totals(y)
    cap = np.maximum(np.quantile(y, settings.cap_quantile, axis=-1, keepdims=True), 1)
    capped = np.minimum(y, cap)
    # what is believed by all replies, by all of them capped, and by each half of those
    believed = [totals, log.totals(capped), *(log.totals(capped, among=half) for half in halves(log))]
    belief = believe(Totals(*map(np.stack, zip(*believed, strict=True))))
    brought, own_sd = np.exp(belief.log_mean[0]), belief.own_sd[0]
    in_time = drifted(log, y, wanted, relative_variance(totals))

    asked = wanted.mean(-2) * brought
    as_offered = offered.mean(-2) * brought
    worth = asked * in_time.factor
    value, logged = worth.sum(-1, keepdims=True), as_offered.sum(-1, keepdims=True)
    pull = worth / value - as_offered / logged
    variance = (pull**2 * own_sd**2).sum(-1) + ((asked / value) ** 2 * in_time.variance).sum(-1)
    rest = left_over(log, capped, wanted, (worth - asked).sum(-1) / value[..., 0], belief.log_mean[1:])
    centre = (np.log(value / logged))[..., 0] + np.log(rest.factor)
    variance = variance + rest.variance
    mean = np.broadcast_to(y.mean(-1), centre.shape)
    told = mean > 0
    ess = ratio(rest.noise, variance, told & (variance > 0))
    return Evaluation.at(replies, mean, np.where(told, centre, np.nan), variance, ess, settings.confidence)


def unknown(replies: Floats) -> Evaluation:
    """Nothing that could be told, of so many replies."""
    nothing = np.full(replies.shape, np.nan)
    return Evaluation(replies, nothing, nothing, nothing, nothing, nothing, nothing, np.zeros(replies.shape))


def judge(found: Evaluation, settings: EvaluationSettings) -> tuple[str, str]:
    """Whether to adopt a policy (one, not many side by side), and why in a sentence."""
    replies, ess = int(found.replies), float(found.ess)
    if not replies:
        return REFUSE, "Not enough overlap: no reply of the window has both a decision and an outcome."
    if not found.logged > 0:
        return REFUSE, f"Not enough overlap: none of the {replies} replies brought anything to compare."
    if not found.is_told(settings):
        return REFUSE, (
            f"Not enough overlap: by the {replies} replies it may be worth {found.low:.2f} to "
            f"{found.high:.2f} times what was logged, and {settings.widest:g} times are as far apart as an "
            "answer may be: what it wants was seldom chosen."
        )
    times = f"{found.ratio:.2f} times what was logged, {found.low:.2f} to {found.high:.2f}"
    sure = f"{100 * settings.confidence:.0f}% sure of at least {found.bound:.2f}"
    if found.bound > 1:
        return ADOPT, f"Adopt: it is worth {times} ({sure}; {ess:.0f} effective replies)."
    return (
        KEEP,
        f"Keep what is: not shown to be better. It is worth {times} ({sure}; {ess:.0f} effective replies).",
    )
