"""Real experiments of a shop: what looking early decides, and what the end says.

ASOS Digital Experiments Dataset (Liu et al. 2021, CC BY 4.0): cumulative counts, means and variances of
both groups over time, of four metrics. For each experiment the day and decision of the seed's rule, of
ours, and of a test at the end alone, all of them two-sided at 5%. Effects are of a percent or so, hence no
20% gate here; the planned horizon is the experiment's own length.

    python -m benchmarks.asos FILE [--metric 1..4]

Reads parquet by pandas, which needs pyarrow or fastparquet.
"""

import argparse
from typing import NamedTuple

import numpy as np
import pandas as pd

from replyloop_assets.learning.comparison import Moments, balanced_z
from replyloop_assets.learning.experiments.rules.seed import look
from replyloop_assets.learning.experiments.rules.sequential import bounds_of
from replyloop_assets.learning.experiments.settings import ExperimentSettings

NONE, BETTER, WORSE = "–", "better", "worse"


class Ended(NamedTuple):
    """When a rule decided, and how; the last day where it never did."""

    day: int
    decision: str


def daily(rows: pd.DataFrame, group: str) -> Moments:
    """One group's cumulative moments at the end of each whole day, none before the first record."""
    days = int(np.ceil(rows["time_since_start"].max()))
    at = np.searchsorted(rows["time_since_start"], np.arange(1, days + 1), side="right") - 1
    n, mean, variance = (
        np.where(at >= 0, rows[f"{name}_{group}"].to_numpy(float)[at], 0)
        for name in ("count", "mean", "variance")
    )
    return Moments(n, n * mean, np.maximum(n - 1, 0) * variance + n * mean**2)


def first(better: np.ndarray, worse: np.ndarray) -> Ended:
    """The first look that decided."""
    decided = better | worse
    if not decided.any():
        return Ended(len(decided), NONE)
    at = int(decided.argmax())
    return Ended(at + 1, BETTER if better[at] else WORSE)


def judge_all(control: Moments, treatment: Moments) -> tuple[Ended, Ended, Ended]:
    """How the seed's rule, a test at the end alone, and ours end this experiment."""
    settings = ExperimentSettings(min_improvement_pct=0, horizon_days=len(control.n))
    looks = look(control, treatment, settings)
    found = looks.significant & (looks.improvement_pct >= 0), looks.significant & (looks.improvement_pct < 0)
    last = np.arange(len(control.n)) == len(control.n) - 1
    half = settings.significance / 2
    two_sided = settings.changed(significance=half, harm_significance=half)
    gain, harm = bounds_of(control.n, treatment.n, two_sided)
    z = balanced_z(control, treatment)
    end = first(found[0] & last, found[1] & last)
    return first(*found), end, first(z >= gain, z <= harm)


def main() -> None:
    """Print the table, and how often an early decision is not what the end says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file")
    parser.add_argument("--metric", type=int, default=1)
    options = parser.parse_args()
    data = pd.read_parquet(options.file).query("metric_id == @options.metric")
    data = data.sort_values(["experiment_id", "variant_id", "time_since_start"]).dropna()
    table = []
    for (experiment, variant), rows in data.groupby(["experiment_id", "variant_id"]):
        control, treatment = daily(rows, "c"), daily(rows, "t")
        lift = 100 * (treatment.mean[-1] / control.mean[-1] - 1) if control.mean[-1] else np.nan
        table.append((f"{experiment}/{variant}", len(control.n), lift, *judge_all(control, treatment)))
    print(f"{'experiment':12} {'days':>4} {'lift':>7}   {'seed':12} {'end alone':12} {'ours':12}")
    for name, days, lift, *rules in table:
        words = [f"{rule.decision} day {rule.day}" if rule.decision != NONE else NONE for rule in rules]
        print(f"{name:12} {days:4} {lift:+6.2f}%   {words[0]:12} {words[1]:12} {words[2]:12}")
    print(f"\n{len(table)} experiments, metric {options.metric}:")
    for title, place in (("seed", 3), ("end alone", 4), ("ours", 5)):
        decided = [row for row in table if row[place].decision != NONE]
        against = sum(row[place].decision != row[4].decision for row in decided)
        turned = sum({row[place].decision, row[4].decision} == {BETTER, WORSE} for row in decided)
        mean_day = np.mean([row[place].day / row[1] for row in decided]) if decided else np.nan
        print(
            f"  {title:10} decides {len(decided)} after {mean_day:.0%} of the days on average; "
            f"the end does not confirm {against} of them, and says the opposite of {turned}."
        )


if __name__ == "__main__":
    main()
