from typing import Any

import sqlalchemy as sa

from replyloop_assets.assets import reply_outcomes
from replyloop_assets.partitions import day_start
from replyloop_assets.reporting.counts import facts_line, read_facts
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.life import ALL_DAYS, END, fill

# what was asked of all rows, before there were too many
RAW = """
    SELECT
        (SELECT count(*) FROM found_posts) AS opportunities,
        (SELECT count(*) FROM own_posts WHERE is_posted) AS posts,
        (SELECT count(*) FROM own_posts WHERE is_posted AND decision_type = 'reply') AS replies,
        (SELECT count(*) FROM snapshots) AS snapshots,
        (SELECT count(*) FROM accounts) AS accounts,
        (SELECT count(*) FROM quarantine) AS quarantined,
        (SELECT count(*) FROM found_posts WHERE discovered_at < :history_start)
        + (SELECT count(*) FROM own_posts WHERE posted_at < :history_start) AS before_history_start,
        (
            SELECT count(*) FROM own_posts AS content
            WHERE
                is_posted AND decision_type = 'reply'
                AND posted_at >= :history_start AND posted_at < :now - :horizon - :grace
                AND NOT EXISTS (
                    SELECT FROM reply_outcomes AS outcome
                    WHERE outcome.decision_id = content.decision_id::TEXT
                )
        ) AS replies_without_outcome
"""


def test_counts_are_those_of_all_rows_until_there_are_too_many(sample_engine: sa.Engine) -> None:
    settings = load_settings()
    fill(sample_engine, END, ALL_DAYS[::3], [reply_outcomes.STAGE])
    asked: dict[str, Any] = {
        "history_start": day_start(ALL_DAYS[9]),
        "now": END,
        "horizon": settings.horizon,
        "grace": settings.grace,
    }
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE content_metadata SET status = 'draft' WHERE tweet_id LIKE '%%7'")
        connection.exec_driver_sql(
            "UPDATE content_metadata SET decision_type = 'single' WHERE tweet_id LIKE '%%3'"
        )
        connection.exec_driver_sql("ANALYZE")
        raw = dict(connection.execute(sa.text(RAW), asked).mappings().one())
        exact = read_facts(connection, asked)
        rough = read_facts(connection, asked, most=100)
    assert exact == raw | {"estimated": [], "old_posts": exact["old_posts"]}
    assert raw["replies_without_outcome"] > 100
    assert raw["before_history_start"] > 100
    assert raw["posts"] > raw["replies"] > 0
    assert f"{raw['replies_without_outcome']:,} old replies have no outcome" in facts_line(exact)

    assert {"opportunities", "posts", "replies", "snapshots"} <= set(rough["estimated"])
    for name in rough["estimated"]:  # a row that is changed goes to the table's end, where nobody looks
        assert abs(rough[name] - raw[name]) < raw[name] / 3
    assert (rough["old_posts"], rough["before_history_start"]) == (100, 101)
    assert 0 < rough["replies_without_outcome"] < 100
    said = facts_line(rough, most=100)
    assert said.startswith("About ")
    assert "replies of the newest 100 old posts have no outcome. More than 100 rows lie before" in said
