"""A life as a picture: what it brought, how effort was shared, how it felt, and what was decided when."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replyloop_assets.learning.lazily import pd
from replyloop_assets.simulation.life import Lived

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHED_DAYS = 7
OTHERS = {"seed": "the plan's literal rules", "no-pivots": "the same without pivots"}
INK, GREY, GREEN, RED, BLUE, ORANGE = "#1f2933", "#9aa5b1", "#2f9e6e", "#d64545", "#2b6cb0", "#dd8a1c"
STATUS_COLOURS = {"healthy": GREEN, "degraded": RED, "silent": ORANGE, "unknown": GREY}


def draw_life(ours: Lived, other: tuple[Lived, str], changes: list[int], title: str, path: Path) -> None:
    """Write the picture as PNG. `changes` are the days on which the world changed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 10), dpi=110, layout="constrained")
    reward, shares, health, events = figure.subplots(
        4, 1, sharex=True, gridspec_kw={"height_ratios": [4, 3, 1, 1.4]}
    )
    figure.suptitle(title, color=INK, fontsize=15)

    daily = ours.daily
    for values, colour, label in (
        (daily["oracle"], GREY, "oracle: one who knew all"),
        (daily["reward"], GREEN, "this loop"),
        (other[0].daily["reward"], BLUE, OTHERS[other[1]]),
        (daily["uniform"], ORANGE, "at random"),
    ):
        smooth = values.rolling(SMOOTHED_DAYS, min_periods=1).mean()
        reward.plot(daily["day"], smooth, color=colour, label=label, linewidth=2)
    reward.set_ylabel("expected new followers a day")
    reward.legend(loc="upper left", frameon=False, ncols=4)
    reward.set_ylim(bottom=0)
    habit = int((~daily["decided"]).sum())
    if habit:
        reward.axvspan(-0.5, habit - 0.5, color=GREY, alpha=0.15)
        reward.annotate("by habit", (habit / 2 - 0.5, 0), ha="center", va="bottom", color=INK)

    if len(ours.shares):
        table = ours.shares.pivot(index="day", columns="generator", values="probability").fillna(0)
        shares.stackplot(table.index, table.T.to_numpy(), labels=table.columns, alpha=0.85)
        shares.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, title="generator")
    shares.set_ylabel("share of effort")
    shares.set_ylim(0, 1)

    for status, days in ours.health.groupby("status"):
        health.bar(days["day"], 1, width=1, color=STATUS_COLOURS.get(str(status), GREY), label=str(status))
    if len(ours.health):
        health.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    health.set_yticks([])
    health.set_ylabel("health")

    draw_spans(events, ours)
    events.set_xlabel("day")
    for axis in (reward, shares, health, events):
        for day in changes:
            axis.axvline(day, color=RED, linestyle="--", linewidth=1.2)
        axis.spines[["top", "right"]].set_visible(False)
    for day in changes:
        reward.annotate(" the world changes", (day, reward.get_ylim()[1]), color=RED, va="top")
    figure.savefig(path, format="png")


def draw_spans(axis: Axes, ours: Lived) -> None:
    """Experiments and pivots as bars over the days they lasted, with what came of them."""
    last = int(ours.daily["day"].max()) + 1
    trials = ours.experiments.assign(label=[outcome(trial) for trial in ours.experiments.to_dict("records")])
    pivots = ours.pivots.rename(columns={"opened": "started", "closed": "ended"}).assign(label="pivot")
    spans = [(trials, BLUE), (pivots, RED)]
    rows = [
        (label, first, last if pd.isna(end) else end, colour)
        for table, colour in spans
        for label, first, end in table[["label", "started", "ended"]].to_numpy().tolist()
    ]
    for place, (label, first, end, colour) in enumerate(reversed(rows)):
        axis.barh(place, end - first, left=first, height=0.6, color=colour, alpha=0.6)
        axis.annotate(label, (first, place), va="center", fontsize=8, color=INK)
    axis.set_yticks([])
    axis.set_ylabel("decided")


def outcome(trial: Mapping[Hashable, Any]) -> str:
    """What came of an experiment, beside the truth."""
    decided = trial["status"] if pd.isna(trial["ended"]) else trial["decision"]
    return f"{trial['experiment_name']}: {decided} (truly {trial['lift']:+.0%})"
