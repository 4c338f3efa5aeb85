"""What X and the bot own, as it stands in the graph: external assets the loop reads from."""

import dagster as dg

from replyloop_assets.assets.stage import OWNERS
from replyloop_assets.reporting.columns import table_schema

X = {
    "x_posts": "Posts as X's API v2 answers a search: files, or the bot's own harvest.",
    "x_analytics_export": "The content export of X analytics: what each of one's own posts brought.",
}
TABLES = {
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
    "experiments": ([], "The experiments an operator or the loop has set up."),
    "system_events": (
        [],
        "What happened, told by the bot and the loop: errors, failed runs, alerts, each with its severity.",
    ),
    "decision_ledger": ([], "What the bot was given, each with the exact probability it had; append-only."),
}

ASSETS = [
    *(
        dg.AssetSpec(name, description=text, group_name="x", owners=OWNERS, kinds={"x"})
        for name, text in X.items()
    ),
    *(
        dg.AssetSpec(
            name,
            description=text,
            group_name="bot",
            owners=OWNERS,
            kinds={"postgres"},
            deps=deps,
            metadata={"dagster/column_schema": table_schema(name)},
        )
        for name, (deps, text) in TABLES.items()
    ),
]
