"""The source of the chain: posts found by a bot or an importer, observed and never written here."""

from collections.abc import Iterator

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets.stage import OWNERS, Runtime
from replyloop_assets.partitions import PARTITIONS
from replyloop_assets.reporting.columns import table_schema

# What changes when a late post arrives: Dagster then shows what was computed from that day as stale.
FINGERPRINT = """
    SELECT
        to_char(discovered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
        count(*) AS found,
        md5(string_agg(id::TEXT, ',' ORDER BY id)) AS version
    FROM found_posts
    WHERE discovered_at >= :history_start AND discovered_at < :now
    GROUP BY 1
    ORDER BY 1
"""


@dg.multi_observable_source_asset(  # type: ignore[untyped-decorator]
    name="observe_reply_opportunities",
    specs=[
        dg.AssetSpec(
            "reply_opportunities",
            deps=["x_posts"],
            group_name="facts",
            description="Posts worth a reply, as a bot or an importer found them: author, likes, "
            "replies, age, and the search that found them. Observed by day; the loop only reads them "
            "and sets the four columns of its rating.",
            owners=OWNERS,
            kinds={"postgres", "source"},
            partitions_def=PARTITIONS,
            metadata={"dagster/column_schema": table_schema("reply_opportunities")},
        )
    ],
)
def asset(
    context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]
) -> Iterator[dg.ObserveResult]:
    """Observe the days of the run that hold posts: how many, and a version that late posts change."""
    wanted = set(context.partition_keys)
    since = {"history_start": runtime.settings.history_start, "now": runtime.now()}
    with runtime.engine.connect() as connection:
        days = [row for row in connection.execute(sa.text(FINGERPRINT), since) if row.day in wanted]
    for row in days:
        context.log_event(
            dg.AssetObservation(
                "reply_opportunities",
                partition=row.day,
                metadata={"posts_found": row.found},
                tags={"dagster/data_version": row.version},
            )
        )
    yield dg.ObserveResult(metadata={"posts_found": sum(row.found for row in days)})
