"""A bot's own decisions, and how they meet the exports of the same posts."""

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources.importing import import_file
from replyloop_assets.sources.snowflake import derived_decision_id, posted_at
from replyloop_assets.warehouse.edges.build import drop_views
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.sources.files import (
    START,
    contents,
    empty,
    export_row,
    export_text,
    read_all,
    read_one,
    table_text,
    tweet_id,
    write,
)

HEADER = (
    "decision_id,posted_at,tweet_id,generator_name,target_username,target_tweet_id,decision_type,"
    "status,format,experiment_id,experiment_variant,content,actual_likes"
).split(",")
EXPERIMENT = "0b0e7f0e-5a53-4d2b-8b32-1f0f1c3f6f11"


def decision(hours: float = 0, **cells: str) -> dict[str, str]:
    """A row of a content_metadata download."""
    return {
        "decision_id": f"decision-{hours}",
        "posted_at": (START + timedelta(hours=hours)).isoformat(sep=" "),
        "tweet_id": tweet_id(hours),
        "generator_name": "DataNerd",
        "target_username": "Target",
        "target_tweet_id": "1999",
        "decision_type": "reply",
        "status": "posted",
    } | cells


def test_a_download_is_loaded(engine: sa.Engine, tmp_path: Path) -> None:
    row = decision(experiment_id=EXPERIMENT, experiment_variant="treatment", format="question")
    summary = import_file(engine, write(tmp_path, table_text(HEADER, [row])))
    assert (summary.format, summary.loaded) == ("decisions", 1)
    found = read_one(engine, "SELECT * FROM content_metadata")._mapping
    assert found["decision_id"] == "decision-0"
    assert found["target_username_source"] == "decision"
    assert str(found["experiment_id"]) == EXPERIMENT
    assert (found["experiment_variant"], found["format"]) == ("treatment", "question")
    assert (found["target_tweet_id"], found["generator_name"]) == ("1999", "DataNerd")
    assert read_all(engine, "SELECT username FROM discovered_accounts") == ["target"]


def test_three_columns_are_enough(engine: sa.Engine, tmp_path: Path) -> None:
    row = {"decision_id": "d", "posted_at": "", "tweet_id": tweet_id(2)}
    import_file(engine, write(tmp_path, table_text(list(row), [row])))
    found = read_one(engine, "SELECT decision_type, status, posted_at FROM content_metadata")
    assert tuple(found) == ("single", "posted", posted_at(tweet_id(2)))


def test_rows_in_doubt(engine: sa.Engine, tmp_path: Path) -> None:
    bad = {
        "no decision id": decision(decision_id=""),
        "tweet_id is no number": decision(tweet_id="2.0E+18"),
        "posted_at is no time": decision(posted_at="yesterday"),
        "posted in the future": decision(posted_at="2099-01-01 00:00:00+00"),
        "unknown decision_type": decision(decision_type="quote"),
        "unknown experiment_variant": decision(experiment_variant="B"),
        "experiment_id is no UUID": decision(experiment_id="7"),
        "target_username is no user name": decision(target_username="a b"),
        "target_tweet_id is no number": decision(target_tweet_id="x"),
    }
    rows = [*bad.values(), decision(1, tweet_id=""), decision(2), decision(2)]
    summary = import_file(engine, write(tmp_path, table_text(HEADER, rows)))
    assert (summary.read, summary.loaded, summary.quarantined) == (12, 1, 9)
    assert summary.reasons == dict.fromkeys(bad, 1) | {
        "decision without a post": 1,
        "repeat within the file": 1,
    }


def test_missing_columns_are_named(engine: sa.Engine, tmp_path: Path) -> None:
    with pytest.raises(ReplyloopError, match="lacks the columns tweet_id, posted_at"):
        import_file(engine, write(tmp_path, "decision_id,content\n1,x\n"))


def metrics_of(likes: int) -> dict[str, Any]:
    return {"impressions": likes * 10, "likes": likes, "engagements": likes}


@pytest.mark.parametrize(
    "text", ["@Target nice", "@Somebody_Else nice", "no name"], ids=["same", "other", "none"]
)
@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"target_username": "", "content": "as decided"},
        {"target_username": "", "target_tweet_id": "", "decision_type": ""},
        {"decision_type": "single", "target_username": "", "generator_name": ""},
    ],
    ids=["full", "no target", "little", "single"],
)
def test_exports_and_decisions_may_come_in_any_order(
    engine: sa.Engine, tmp_path: Path, text: str, cells: dict[str, str]
) -> None:
    early = [export_row(n, text, **metrics_of(n + 1)) for n in range(3)]
    late = [export_row(n, text, **metrics_of(n + 5)) for n in range(1, 4)]
    made = [decision(n, **cells) for n in (0, 1, 5)]
    more = [decision(n) | cells for n in (1, 2)]
    files = {
        write(tmp_path, export_text(early), "early"): START + timedelta(hours=10),
        write(tmp_path, export_text(late), "late"): START + timedelta(hours=90),
        write(tmp_path, table_text(HEADER, made), "made"): None,
        write(tmp_path, table_text(HEADER, more), "more"): None,
    }
    states = []
    for order in itertools.permutations(files):
        empty(engine)
        for path in order:
            import_file(engine, path, discovered_at=files[path])
        states.append(contents(engine))
        for path in order:
            again = import_file(engine, path, discovered_at=files[path])
            assert (again.loaded, again.updated) == (0, 0)
        assert contents(engine) == states[-1]
    assert all(state == states[0] for state in states)
    content = {row["tweet_id"]: row for row in states[0]["content_metadata"]}
    assert len(content) == 5
    assert content[tweet_id(0)]["decision_id"] == "decision-0"
    assert content[tweet_id(3)]["decision_id"] == derived_decision_id(tweet_id(3))
    assert content[tweet_id(1)]["actual_likes"] == 6  # of the later export
    assert content[tweet_id(5)]["actual_likes"] is None


def test_a_decision_stored_without_its_post_absorbs_the_derived_row(
    engine: sa.Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO content_metadata (decision_id, decision_type, generator_name, status) "
                "VALUES ('decision-0', 'reply', 'Coach', 'pending')"
            )
        )
    import_file(engine, write(tmp_path, export_text([export_row(0, "@Who hi", likes=3)])))
    summary = import_file(engine, write(tmp_path, table_text(HEADER, [decision()])))
    assert summary.updated == 1
    found = read_one(engine, "SELECT * FROM content_metadata")._mapping
    assert (found["decision_id"], found["generator_name"]) == ("decision-0", "Coach")
    assert (found["status"], found["tweet_id"]) == ("posted", tweet_id())
    assert (found["actual_likes"], found["content"]) == (3, "@Who hi")


def test_what_contradicts_a_stored_decision_is_skipped(engine: sa.Engine, tmp_path: Path) -> None:
    import_file(engine, write(tmp_path, table_text(HEADER, [decision(0), decision(1)])))
    before = contents(engine)
    rows = [decision(0, decision_id="other"), decision(1, tweet_id=tweet_id(9))]
    summary = import_file(engine, write(tmp_path, table_text(HEADER, rows)))
    assert summary.reasons == {"contradicts a stored decision": 2}
    assert contents(engine) == before


def test_a_bots_table_may_have_keys_of_type_uuid(engine: sa.Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        drop_views(connection)
        connection.execute(
            sa.text(
                "ALTER TABLE content_metadata ALTER COLUMN decision_id TYPE UUID "
                "USING decision_id::UUID, ALTER COLUMN actual_likes TYPE INTEGER, "
                "ALTER COLUMN actual_engagement_rate TYPE NUMERIC(5, 4)"
            )
        )
    migrate(engine)
    path = write(tmp_path, export_text([export_row(0, **metrics_of(3)), export_row(1)]))
    assert import_file(engine, path).loaded == 2
    assert import_file(engine, path).unchanged == 2
    row = decision(decision_id="6d1bcd0c-3c57-4f9c-9a13-3c3f7f6f8f10")
    assert import_file(engine, write(tmp_path, table_text(HEADER, [row]), "made")).updated == 1
    with pytest.raises(ReplyloopError, match="nothing of it was loaded"):
        import_file(engine, write(tmp_path, table_text(HEADER, [decision(7)]), "no uuid"))
