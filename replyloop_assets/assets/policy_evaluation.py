"""What the new allocation is worth, before it is believed: against what was logged."""

import sqlalchemy as sa

from replyloop_assets.assets.stage import Stage, one_by_one, stage_asset
from replyloop_assets.learning.evaluation.ledger import evaluate_policies
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.warehouse.filling import Read
from replyloop_assets.warehouse.frames import read_frame, write_frame
from replyloop_assets.warehouse.queries import read_sql


def evaluate_allocation(connection: sa.Connection, window: Window, settings: Settings, days_held: int) -> int:
    """Evaluate a closed day's allocation, even shares, and the best arm alone, dimension by dimension."""
    if not window.closed:  # it reads every decision of 60 days: once a day is enough
        return 0
    shares = read_frame(connection, read_sql("stages/policy_evaluation_shares"), {"day": window.day})
    entries = read_frame(
        connection,
        read_sql("stages/policy_evaluation"),
        {
            "dimensions": sorted(set(shares["dimension"])),
            "first_day": window.first_day(settings.evaluation.window_days),
            "day": window.day,
        },
    )
    found = evaluate_policies(entries, shares, settings.evaluation)
    return write_frame(
        connection, STAGE.writes, found, day=window.day, as_of=window.as_of, days_held=days_held
    )


STAGE = Stage(
    name="policy_evaluation",
    group="decisions",
    compute=one_by_one(evaluate_allocation),
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
