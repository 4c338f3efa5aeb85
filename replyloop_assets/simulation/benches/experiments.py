"""How experiments end: a look a day at a control and a treatment whose true lift is known."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.comparison import BINS, Evidence, Moments, bin_of
from replyloop_assets.learning.experiments.judging import judge
from replyloop_assets.learning.experiments.looks import ADOPT, REJECT, first_decision
from replyloop_assets.learning.experiments.rules import rule_of
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.simulation.benches.replicate import Floats, Samples, average
from replyloop_assets.simulation.outcomes import draw_followers, lifted
from replyloop_assets.simulation.world import Outcome

ADOPTED, REJECTED = 1.0, -1.0


@dataclass(frozen=True)
class ExperimentBench:
    """Experiments of `per_day` replies a day, `share` of them treated, over `days` daily looks.

    The lift reported is the one that the rule goes by: the raw one of the seed's, the shrunk one of ours.
    With a `spread` each experiment has a lift of its own, exp(N(0, spread^2)) times `lift`.
    """

    per_day: int = 100
    share: float = 0.1
    lift: float = 0.0
    days: int = 60
    rule: str = "default"
    outcome: Outcome = field(default_factory=Outcome)
    settings: ExperimentSettings = field(default_factory=ExperimentSettings)
    block: int = 50
    spread: float = 0.0

    def sample(self, reps: int, rng: np.random.Generator) -> Samples:
        """Each experiment's decision, its day, the lift reported then, and whether its interval held it."""
        settings = self.settings.changed(rule=self.rule, horizon_days=self.days)
        so_far = np.floor(self.per_day * self.share * np.arange(self.days + 1) + 0.5)
        treated = np.diff(so_far).astype(int)
        lift = (1 + self.lift) * np.exp(rng.normal(0, self.spread, (reps, 1)))
        control = self.evidence(reps, self.per_day - treated, np.ones((reps, 1)), rng)
        treatment = self.evidence(reps, treated, lift, rng)
        verdicts = judge(control, treatment, settings)
        improvement = rule_of(settings).reported(verdicts)
        at = first_decision(verdicts.decision)[:, None]
        ended = at < self.days
        last = np.minimum(at, self.days - 1)
        decision = np.take_along_axis(verdicts.decision, last, -1)
        reported = np.take_along_axis(improvement, last, -1) / 100
        verdict = np.where(ended & (decision == ADOPT), ADOPTED, 0.0)
        verdict -= ended & (decision == REJECT)
        low, high = (np.take_along_axis(end, last, -1) / 100 for end in verdicts.lift[1:])
        covered = (low <= lift - 1) & (lift - 1 <= high)
        return {
            "verdict": verdict[:, 0],
            "day": 1.0 + at[:, 0],
            "reported": reported[:, 0],
            "covered": covered[:, 0].astype(float),
        }

    def evidence(
        self, reps: int, replies: NDArray[np.int_], lift: Floats, rng: np.random.Generator
    ) -> Evidence:
        """Cumulative evidence after each day, shape (reps, days), of so many replies on each.

        `lift` is a factor, shape (reps, 1).
        """
        mean, positive = lifted(self.outcome.mean, self.outcome.positive, lift)
        y = draw_followers(mean, positive, self.outcome.sigma, rng, (reps, int(replies.sum())))
        days = np.repeat(np.arange(self.days), replies)

        def so_far(values: Floats) -> Floats:
            return np.pad(values.cumsum(-1), ((0, 0), (1, 0)))[:, replies.cumsum()]

        def moments(values: Floats, counted: Floats) -> Moments:
            return Moments(so_far(counted), so_far(counted * values), so_far(counted * values**2))

        bins = np.zeros((reps, self.days, BINS))
        if self.settings.statistic == "capped":
            np.add.at(bins, (np.arange(reps)[:, None], days, bin_of(y)), 1)
        each = np.ones(y.shape)
        return Evidence(
            moments(y, each),
            moments(np.log1p(y), each),
            moments(np.log(np.maximum(y, 1)), (y > 0).astype(float)),
            bins.cumsum(1),
        )

    def summarise(self, samples: Samples) -> dict[str, float]:
        """Rates over all experiments; days and lifts over the adopted."""
        adopted = samples["verdict"] == ADOPTED
        day = samples["day"]
        return {
            "adopt": average(adopted.astype(float)),
            "reject": average((samples["verdict"] == REJECTED).astype(float)),
            "adopt_by_day_30": average((adopted & (day <= 30)).astype(float)),
            "mean_adopt_day": average(day[adopted]),
            "lift_coverage": average(samples["covered"]),
            "lift_ratio": self.median(samples["reported"][adopted]) / self.lift if self.lift else np.nan,
        }

    @staticmethod
    def median(values: Floats) -> float:
        """The median, NaN of nothing."""
        return float(np.median(values)) if len(values) else np.nan
