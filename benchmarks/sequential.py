"""How experiments end under different tests, on the same draws: `python -m benchmarks.sequential`.

The seed's rule and ours as the asset calls them; a fixed-horizon Welch test of log(1 + followers), which
looks once; and ville's asymptotic confidence sequence of the same (Waudby-Smith et al. 2024), which may be
looked at for ever. Needs the dependency group `bench`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from replyloop_assets.learning.comparison import BINS, Evidence, Floats, Moments
from replyloop_assets.learning.experiments.judging import judge
from replyloop_assets.learning.experiments.looks import (
    ADOPT,
    CONTINUE,
    REJECT,
    first_decision,
)
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.simulation.outcomes import draw_followers, lifted

EXPERIMENTS = 200
DAYS, PER_DAY = 60, 100
SEED = 12
CASES = ((0.1, 0.0), (0.1, 0.5), (0.1, 0.3), (0.1, -0.3), (0.5, 0.0), (0.5, 0.3))
LEVEL = 0.05


def main() -> None:
    """One table: adopted, rejected, and the mean day of what was decided."""
    print(f"{EXPERIMENTS} experiments each, {PER_DAY} replies a day, {DAYS} days")
    print(f"{'':<34}{'treated':>8}{'lift':>6}{'adopted':>16}{'rejected':>10}{'day':>6}")
    for share, lift in CASES:
        rng = np.random.default_rng([SEED, round(100 * share), round(100 + 100 * lift)])
        treated = round(PER_DAY * share)
        control = draw(PER_DAY - treated, 0.0, rng)
        treatment = draw(treated, lift, rng)
        for name, (decision, day) in {
            "replyloop, default": by_rule(control, treatment, ExperimentSettings()),
            "replyloop, seed": by_rule(control, treatment, ExperimentSettings(rule="seed")),
            "Welch at the horizon": at_the_horizon(control, treatment),
            "ville, confidence sequence": by_sequence(control, treatment),
        }.items():
            adopted, rejected = (decision == ADOPT).mean(), (decision == REJECT).mean()
            error = (adopted * (1 - adopted) / EXPERIMENTS) ** 0.5
            ended = day[decision != CONTINUE]
            print(
                f"{name:<34}{share:>8.0%}{lift:>+6.0%}{f'{adopted:.3f} ± {error:.3f}':>16}{rejected:>10.3f}"
                f"{ended.mean() if len(ended) else np.nan:>6.0f}",
                flush=True,
            )


def draw(replies: int, lift: float, rng: np.random.Generator) -> Floats:
    """Followers of each reply, shape (experiments, days, replies)."""
    mean, positive = lifted(5, 0.4, 1 + lift)
    return draw_followers(mean, positive, 1.3, rng, (EXPERIMENTS, DAYS, replies))


def by_rule(
    control: Floats, treatment: Floats, settings: ExperimentSettings
) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """What the asset decides, and on which day."""
    decision = judge(evidence(control), evidence(treatment), settings).decision
    at = first_decision(decision)
    last = np.minimum(at, DAYS - 1)
    return np.take_along_axis(decision, last[:, None], -1)[:, 0], 1 + last


def evidence(y: Floats) -> Evidence:
    """Cumulative evidence after each day."""

    def moments(values: Floats, counted: Floats) -> Moments:
        parts = (counted, counted * values, counted * values**2)
        return Moments(*(part.sum(-1).cumsum(-1) for part in parts))

    each, log = np.ones(y.shape), np.log(np.maximum(y, 1))
    bins = np.zeros((*y.shape[:2], BINS))
    return Evidence(moments(y, each), moments(np.log1p(y), each), moments(log, (y > 0).astype(float)), bins)


def at_the_horizon(control: Floats, treatment: Floats) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """One look, on the last day."""
    a, b = (np.log1p(y).reshape(EXPERIMENTS, -1) for y in (control, treatment))
    tested = stats.ttest_ind(b, a, axis=-1, equal_var=False)
    decided = tested.pvalue < LEVEL
    decision = np.select([decided & (tested.statistic > 0), decided], [ADOPT, REJECT], CONTINUE)
    return decision, np.full(EXPERIMENTS, DAYS)


def by_sequence(control: Floats, treatment: Floats) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """A look after every reply: the first time that the sequence leaves 0 out."""
    from ville import AsymptoticABTest

    treated = np.r_[np.zeros(control.shape[-1]), np.ones(treatment.shape[-1])]
    decision, day = np.full(EXPERIMENTS, CONTINUE, dtype="<U16"), np.full(EXPERIMENTS, DAYS)
    rng = np.random.default_rng(SEED)
    for n in range(EXPERIMENTS):
        y = np.log1p(np.concatenate([control[n], treatment[n]], axis=-1))
        order = rng.permuted(np.tile(np.arange(PER_DAY), (DAYS, 1)), axis=-1)
        test = AsymptoticABTest(alpha=LEVEL, propensity=treated.mean(), t_opt=DAYS * PER_DAY // 2)
        test.fit(np.take_along_axis(y, order, -1).ravel(), treated[order].ravel())
        stopped = test.stopping_time()
        if stopped is not None:
            decision[n] = ADOPT if test.estimate_[stopped - 1] > 0 else REJECT
            day[n] = -(-stopped // PER_DAY)
    return decision, day


if __name__ == "__main__":
    main()
