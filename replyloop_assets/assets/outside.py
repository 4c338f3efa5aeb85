"""What stands in the graph as external assets: what X and the bot own, and facts that the loop has written.

A decision of the loop is a fact once it is made, and those of before its as-of are evidence to a later day.
Drawn from who makes it to who reads it, it would close a cycle in the graph, though no day ever reads what it
has itself decided, or a later one: so such facts are assets of their own.
"""

import dagster as dg

from replyloop_assets.assets.stage import OWNERS
from replyloop_assets.reporting.columns import table_schema

NO_CYCLE = "A fact of its own here, as an edge back from who wrote it would close a cycle."

X = {
    "x_posts": "Posts as X's API v2 answers a search: files, or the bot's own harvest.",
    "x_analytics_export": "The content export of X analytics: what each of one's own posts brought.",
}
# The asset that each table belongs to; the columns shown are those of its first.
ASSET_OF = {
    "content_metadata": "content_metadata",
    "tweet_metrics": "tweet_metrics",
    "discovered_accounts": "discovered_accounts",
    "account_follower_snapshots": "discovered_accounts",
    "system_events": "system_events",
    "quarantine": "quarantine",
    "decision_ledger": "decision_ledger",
    "experiment_assignments": "decision_ledger",
    "experiments": "experiment_decisions",
    "experiment_events": "experiment_decisions",
    "pivots": "pivot_decisions",
}
BOT = {
    "content_metadata": (
        ["x_analytics_export"],
        "What was posted, by the bot or from an export: target, generator, format, experiment.",
    ),
    "tweet_metrics": (
        ["x_analytics_export"],
        "Snapshots of each post's counts, append-only: impressions, likes, follows, profile visits.",
    ),
    "discovered_accounts": (
        ["x_posts"],
        "The accounts replied to: size, priority, and what a reply to them brings.",
    ),
    "system_events": (
        [],
        "What happened, told by the bot and the loop: errors, failed runs, alerts, each with its severity.",
    ),
    "quarantine": (
        [],
        "Rows that the bot told or a file held and that break their contract, with the reason.",
    ),
}
RECORD = {
    "decision_ledger": "What the bot was given, each with the exact probability it had; append-only.",
    "experiment_decisions": "Each experiment and what became of it: created, started, decided, stopped; "
    "written by experiment_results, the operator and pivots (tables experiments and experiment_events). What "
    f"is read of it happened before the as-of. {NO_CYCLE}",
    "pivot_decisions": "When each pivot was opened and closed, written by the asset pivots (table pivots). "
    "In one, more is explored, and evidence of before it counts less. What is read of it happened before the "
    f"as-of. {NO_CYCLE}",
}


def external(name: str, group: str, description: str, deps: list[str]) -> dg.AssetSpec:
    """A table, or two that belong together, which no stage computes."""
    table = next(table for table, asset in ASSET_OF.items() if asset == name)
    return dg.AssetSpec(
        name,
        description=description,
        group_name=group,
        owners=OWNERS,
        kinds={"postgres"},
        deps=deps,
        metadata={"dagster/column_schema": table_schema(table)},
    )


ASSETS = [
    *(
        dg.AssetSpec(name, description=text, group_name="x", owners=OWNERS, kinds={"x"})
        for name, text in X.items()
    ),
    *(external(name, "bot", text, deps) for name, (deps, text) in BOT.items()),
    *(external(name, "record", text, []) for name, text in RECORD.items()),
]
