"""What the new allocation is worth, before it is believed: against what was logged."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, stage_asset
from replyloop_assets.learning.evaluation.ledger import evaluate_policies
from replyloop_assets.learning.lazily import pd
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.queries import read_sql


def evaluate_allocations(
    connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
) -> list[int]:
    """Evaluate the allocation of closed days, even shares, and the best arm alone, dimension by dimension.

    What the windows share of the ledger is read once.
    """
    length = settings.evaluation.window_days
    days_held = {window.day: held[place] for place, window in enumerate(windows)}
    closed = [window for window in windows if window.closed]  # once a day is enough
    if not closed:
        return [0] * len(windows)
    days = [window.day for window in closed]
    shares = read_frame(connection, read_sql("stages/policy_evaluation_shares"), {"days": days})
    parameters = {
        "dimensions": sorted(set(shares["dimension"])),
        "first_day": min(window.first_day(length) for window in closed),
        "day": max(days),
    }
    entries = read_frame(connection, read_sql("stages/policy_evaluation"), parameters)
    of_day = dict(iter(shares.groupby("day", sort=False)))
    judged = [window for window in closed if window.day in of_day]
    known = entries["day"].tolist()
    found = []
    for window in judged:
        within = slice(bisect_left(known, window.first_day(length)), bisect_right(known, window.day))
        found.append(evaluate_policies(entries[within], of_day[window.day], settings.evaluation))
    of_rows = [window for window, policies in zip(judged, found, strict=True) for _ in range(len(policies))]
    if found:
        written = pd.concat(found, ignore_index=True).assign(
            day=[window.day for window in of_rows],
            as_of=pd.Series([window.as_of for window in of_rows], dtype=object),
            days_held=[days_held[window.day] for window in of_rows],
        )
        write_frame(connection, STAGE.writes, written)
    return [sum(one.day == window.day for one in of_rows) for window in windows]


STAGE = Stage(
    name="policy_evaluation",
    group="decisions",
    compute=evaluate_allocations,
    reads=[Read("strategy_allocation"), Read("reply_outcomes", load_settings().evaluation.window_days)],
    kinds=frozenset({"postgres", "python"}),
)
asset = stage_asset(
    STAGE,
    "Once a day has closed: what each dimension's new allocation, even shares, and its best arm alone would "
    "have brought, as a multiple of what was logged in 60 days: what is believed of each arm, corrected by "
    "the replies with the ledger's exact probabilities (doubly robust), with interval, effective sample size "
    "and verdict. It refuses where the interval would be too wide to act on. A queue slot is judged with the "
    "slots before it as drawn.",
)
