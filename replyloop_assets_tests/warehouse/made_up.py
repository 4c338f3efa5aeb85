"""Made-up rows for every empty table of a database.

What a column holds is read from the catalogue, and from its name where the name says more. The bot's
functions then tell and decide a few things upon these rows.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zlib import crc32

import sqlalchemy as sa

START = datetime(2026, 2, 1, 12, tzinfo=UTC)
EXPERIMENT = "00000000-0000-4000-8000-000000000001"

# What the two rows of any table hold under a column's name; a list is JSON.
BY_COLUMN: dict[str, tuple[Any, Any]] = {
    "account": ("nasa", "who"),
    "available": ({"story": 0.9, "fact": 0.1}, {"story": 0.9, "fact": 0.1}),
    "band": ("use", "default"),
    "bin_counts": ([3, 1], [2]),
    "bins": ([0, 4], [7]),
    "control_strategy": ("ResearchSynthesizer", "18"),
    "day": (date(2026, 1, 30), date(2026, 1, 31)),
    "decision": ("continue_testing", "adopt"),
    "decision_type": ("reply", "single"),
    "dimension": ("generator", "format"),
    "dimension_type": ("generator", "account_size"),
    "dimension_value": ("PersonalStory", "1M+"),
    "engagement_tier": ("25K-50K", "100K+"),
    "event": ("created", "started"),
    "experiment_id": (EXPERIMENT, EXPERIMENT),
    "experiment_variant": ("control", "treatment"),
    "format": ("story", "fact"),
    "generator": ("PersonalStory", "ResearchSynthesizer"),
    "generator_name": ("PersonalStory", "ResearchSynthesizer"),
    "matured_by": ("horizon", "grace"),
    "metric": ("followers_gained", "likes"),
    "only_row": (True, True),
    "performance_tier": ("excellent", "poor"),
    "posting_hour": ("08", "18"),
    "probability": (0.9, 0.1),
    "severity": ("info", "error"),
    "slots": ({"account_size": "1M+"}, {"account_size": "100K-500K"}),
    "source": ("bot", "export"),
    "stage": ("reply_outcomes", "daily_rollup"),
    "strategy_name": ("story", "fact"),
    "strategy_type": ("format", "format"),
    "target_username": ("NASA", "WHO"),
    "timing_window": ("<2h", "6-24h"),
    "treatment_strategy": ("PersonalStory", "08"),
    "username": ("NASA", "WHO"),
    "value": ("PersonalStory", "story"),
    "variant": ("control", "treatment"),
    "verdict": ("high", "low"),
}
# What they hold in one table, where that is something else.
BY_TABLE: dict[str, dict[str, tuple[Any, Any]]] = {
    "alert_deliveries": {"delivered_at": (START, None), "last_error": (None, "HTTP 500")},
    "experiments": {
        "id": (EXPERIMENT, "00000000-0000-4000-8000-000000000002"),
        "status": ("running", "completed"),
        "dimension": ("generator", "posting_hour"),
        "control_allocation_pct": (90, 50),
        "treatment_allocation_pct": (10, 50),
        "started_at": (START - timedelta(days=9), START - timedelta(days=30)),
        "completed_at": (None, START),
    },
    "health_status": {"status": ("healthy", "degraded"), "diagnosis": ([], [{"dimension": "generator"}])},
    "loop_settings": {"settings": ({"lease_minutes": 30, "horizon_hours": 24, "feedback": True}, None)},
    "pivots": {"closed_at": (START, None), "closed_reason": ("Replies bring as much as before.", None)},
    "policy_evaluation": {"verdict": ("adopt", "not enough overlap")},
    "strategy_allocation": {"status": ("active", "testing")},
    "system_events": {"event_type": ("posted", "replyloop_alert"), "event_data": ({}, {"alert": "drop:1"})},
}
CALLS = (
    """SELECT record_opportunity(
        tweet_id => '1990000000000000001', target_username => 'NASA', like_count => 42000, reply_count => 130,
        posted_minutes_ago => 45, tweet_text => 'We found water.', discovered_at => '2026-02-01 12:00+00'
    )""",
    """SELECT record_opportunity(
        tweet_id => '1990000000000000002', target_username => 'ESA', like_count => 8000, reply_count => 20,
        posted_minutes_ago => 30, search_query => 'lang:en', discovered_at => '2026-02-01 12:01+00'
    )""",
    """SELECT record_opportunity(
        tweet_id => 'no id', target_username => 'ESA', like_count => 8000, reply_count => 20,
        posted_minutes_ago => 30
    )""",
    "SELECT * FROM claim_next(most => 2, claimed_by => 'a bot', at => '2026-02-01 12:10+00')",
    """SELECT record_reply(
        decision_id => claims.decision_id, tweet_id => '1990000000000000009',
        posted_at => '2026-02-01 12:20+00', content => 'From ice?'
    ) FROM opportunity_claims AS claims WHERE claims.tweet_id = '1990000000000000001'""",
    """SELECT record_metrics(
        tweet_id => '1990000000000000009', collected_at => '2026-02-02 13:00+00', followers_gained => 17,
        likes => 40, impressions => 5200
    )""",
    "SELECT * FROM arm_for(dimension => 'format', unit => 'a unit', at => '2026-02-01 12:10+00')",
    f"SELECT * FROM variant_for(experiment => '{EXPERIMENT}', unit => 'a unit', at => '2026-02-01 12:10+00')",
    "SELECT * FROM generator_for(account => '@NASA', unit => 'another unit', at => '2026-02-01 12:10+00')",
    "SELECT record_error(component => 'harvester', message => 'HTTP 429', error_id => 'h-1')",
)
TABLES = """
    SELECT class.oid::REGCLASS::TEXT AS name, class.relname, array_agg(attribute.attname::TEXT) AS columns,
        array_agg(format_type(attribute.atttypid, attribute.atttypmod)) AS types
    FROM pg_class AS class
    INNER JOIN pg_attribute AS attribute
        ON class.oid = attribute.attrelid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    WHERE
        class.relkind = 'r' AND class.relnamespace::REGNAMESPACE::TEXT IN ('public', 'replyloop')
        AND attribute.attidentity = '' AND attribute.attgenerated = ''
    GROUP BY class.oid
    ORDER BY 1
"""


def fill_with_rows(engine: sa.Engine) -> None:
    """Two rows for every table that is empty, one where no second may stand; then the functions' own."""
    with engine.begin() as connection:
        for table in connection.execute(sa.text(TABLES)).all():
            if connection.exec_driver_sql(f"SELECT count(*) FROM {table.name}").scalar_one() == 0:
                names, holes = ", ".join(table.columns), ", ".join(["%s"] * len(table.columns))
                for row in rows_of(table.relname, dict(zip(table.columns, table.types, strict=True))):
                    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({holes})", row)
        for call in CALLS:
            connection.exec_driver_sql(call)


def rows_of(table: str, types: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    known = BY_COLUMN | BY_TABLE.get(table, {})
    for n in (0, 1):
        row = [known[name][n] if name in known else made_up(name, kind, n) for name, kind in types.items()]
        if n == 0 or "only_row" not in types:
            yield tuple(
                json.dumps(value) if kind == "jsonb" else value
                for value, kind in zip(row, types.values(), strict=True)
            )


def made_up(name: str, kind: str, n: int) -> Any:
    """A value of a type, the first or the second."""
    match kind.partition("(")[0]:
        case "text":
            return f"{name} {n + 1}".replace("_", " ")
        case "uuid":
            return f"{crc32(name.encode()):08x}-0000-4000-8000-{n:012x}"
        case "jsonb":
            return [{"n": n}]
        case "boolean":
            return n == 0
        case "date":
            return date(2026, 1, 20 + n)
        case "timestamp with time zone":
            return START - timedelta(hours=30 - n)
        case "smallint" | "integer" | "bigint":
            return n + 3
        case "numeric" | "double precision":
            return 0.25 + n / 2
        case _:
            raise ValueError(f"nothing is made up for {name} of type {kind}")
