"""The edges to the bot's tables: how a table answers the contract, and that nothing else names one."""

import re

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.edges.build import detach, read_fits
from replyloop_assets.warehouse.edges.casts import NAMES, quote, read_as, write_as
from replyloop_assets.warehouse.edges.catalogue import OwnColumn, OwnTable
from replyloop_assets.warehouse.edges.contract import ANY
from replyloop_assets.warehouse.edges.fit import Names, fit
from replyloop_assets.warehouse.edges.tables import EDGES, FOUND_POSTS, OWN_POSTS
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets.warehouse.queries import project_file
from replyloop_assets_tests.bot.calls import rows_of, run

NAMED = re.compile(
    r"\b(FROM|JOIN|INTO|UPDATE|USING)\s+(\w+\.)?(" + "|".join(edge.table for edge in EDGES) + r")\b"
)
PLAIN = Names({}, {}, {}, "UTC", ("posted",))


def own(name: str, kind: str = "text", required: bool = False, default: str | None = None) -> OwnColumn:
    return OwnColumn(name, kind, f'"pg_catalog"."{kind}"', kind, False, required, default, False)


def table(*columns: OwnColumn, kind: str = "r") -> OwnTable:
    return OwnTable(1, "public", "t", kind, True, columns, frozenset(), (), ())


def test_nothing_but_the_edges_names_the_bots_tables() -> None:
    rooms = ("functions", "facts", "stages", "reports", "sources")
    ours = [path for room in rooms for path in project_file(f"sql/{room}").glob("*.sql")]
    ours += project_file("replyloop_assets").rglob("*.py")
    naming = {path.name: found.group() for path in ours if (found := NAMED.search(path.read_text()))}
    assert naming == {}


def test_a_fresh_database_is_read_and_written_as_it_is(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        fits = read_fits(connection, "public", PLAIN)
    assert [one.edge for one in fits] == list(EDGES)
    assert all(one.is_plain and not one.missing for one in fits)
    triggers = "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'write%%'"
    assert rows_of(engine, triggers) == []


def test_no_name_of_one_column_is_that_of_another() -> None:
    """Else one column of the bot's would be two of the loop's."""
    for edge in EDGES:
        names = [name for column in edge.columns for name in (column.name, *column.also)]
        assert len(set(names)) == len(names), edge.view
        assert {column.type for column in edge.all_columns} <= {ANY, *NAMES}


def test_the_own_name_comes_first_and_one_that_may_not_be_empty_joins_it() -> None:
    fitted = fit(FOUND_POSTS, table(own("tweet_author"), own("author")), PLAIN).fitted("target_username")
    assert fitted.read == 'coalesce("tweet_author", "author")'
    assert [home.name for home in fitted.homes] == ["tweet_author"]
    fitted = fit(FOUND_POSTS, table(own("author"), own("target_username")), PLAIN).fitted("target_username")
    assert fitted.read == 'coalesce("target_username", "author")'
    both = fit(FOUND_POSTS, table(own("tweet_author", required=True), own("target_username")), PLAIN)
    assert both.fitted("target_username").read == 'coalesce("target_username", "tweet_author")'
    homes = {written.own.name: written.column is not None for written in both.written}
    assert homes == {"target_username": True, "tweet_author": False}


def test_what_the_settings_name_is_taken() -> None:
    names = Names({}, {"reply_opportunities.like_count": "hearts"}, {}, "UTC", ("posted",))
    fitted = fit(FOUND_POSTS, table(own("like_count", "int8"), own("hearts", "int4")), names)
    assert fitted.fitted("like_count").read == '"hearts"::BIGINT'


def test_a_column_that_must_be_told_and_is_not_known_is_named() -> None:
    told = [
        own("secret", required=True),
        own("kept", required=True, default="1"),
        own("tweet_url", required=True),
    ]
    assert fit(FOUND_POSTS, table(own("tweet_id"), *told), PLAIN).untold == ("secret",)
    given_one = Names({}, {}, {"reply_opportunities.secret": "x"}, "UTC", ("posted",))
    assert fit(FOUND_POSTS, table(own("tweet_id"), *told), given_one).untold == ()


@given(kind=st.sampled_from(["jsonb", "bytea", "_text", "point", "interval"]))
def test_a_type_that_cannot_be_read_is_unusable_and_never_written(kind: str) -> None:
    found = fit(OWN_POSTS, table(own("posted_at", kind), own("tweet_id", kind)), PLAIN)
    for name in ("posted_at", "tweet_id"):
        assert found.fitted(name).read is None
        assert [one.name for one in found.fitted(name).unusable] == [name]
    assert found.written == ()


ROUND_TRIPS = {
    "TIMESTAMPTZ": (
        "TIMESTAMPTZ '2026-05-20 12:00:01Z'",
        ["timestamptz", "timestamp", "int8", "text", "varchar"],
    ),
    "BIGINT": ("12::BIGINT", ["int2", "int4", "int8", "numeric", "float8", "text"]),
    "TEXT": ("'1900000000000000001'::TEXT", ["text", "varchar", "int8", "numeric"]),
    "BOOLEAN": ("TRUE", ["bool", "int4"]),
    "UUID": ("'00000000-0000-4000-8000-000000000001'::UUID", ["uuid", "text"]),
    "JSONB": ("""'{"a": 1}'::JSONB""", ["jsonb", "json"]),
    "DOUBLE PRECISION": ("2.5::FLOAT8", ["float8", "numeric"]),
}


@pytest.mark.parametrize(
    ("wanted", "kind"), [(wanted, kind) for wanted, (_, kinds) in ROUND_TRIPS.items() for kind in kinds]
)
def test_what_is_written_is_read_again(engine: sa.Engine, wanted: str, kind: str) -> None:
    column, zone = own("x", kind), "America/New_York"
    value = ROUND_TRIPS[wanted][0]
    written, read = write_as("given.x", column, wanted, zone), read_as(column, wanted, zone)
    held = f"SELECT ({written})::{kind} AS x, given.x AS told FROM (SELECT {value} AS x) AS given"
    question = f"SELECT ({read}) = told FROM ({held}) AS kept"
    assert rows_of(engine, question.replace("%", "%%")) == [(True,)]


@pytest.mark.parametrize("name", ['a "quoted" name', "with $body$ and %s", "ünïcode", "select"])
def test_a_column_of_any_name_is_read_and_written(empty_engine: sa.Engine, name: str) -> None:
    run(
        empty_engine,
        f"CREATE TABLE public.tweet_metrics (tweet_id BIGINT, {quote(name)} INT)".replace("%", "%%"),
    )
    migrate(empty_engine, "public", Names({}, {"tweet_metrics.likes": name}, {}, "UTC", ("posted",)))
    run(empty_engine, "INSERT INTO bot_snapshots (tweet_id, collected_at, likes) VALUES ('7', now(), 3)")
    run(empty_engine, "UPDATE bot_snapshots SET likes = 5 WHERE tweet_id = '7'")
    assert rows_of(empty_engine, "SELECT tweet_id, likes FROM snapshots") == [("7", 5)]
    run(empty_engine, "DELETE FROM bot_snapshots WHERE tweet_id = '7'")
    assert rows_of(empty_engine, "SELECT FROM tweet_metrics") == []


def test_the_bots_own_migration_changes_a_column_after_detaching(engine: sa.Engine) -> None:
    change = "ALTER TABLE content_metadata ALTER COLUMN content TYPE VARCHAR(9)"
    with pytest.raises(sa.exc.NotSupportedError, match="used by a view"):
        run(engine, change)
    with engine.begin() as connection:
        detach(connection)
    run(engine, change)
    assert migrate(engine) == []
    assert rows_of(engine, "SELECT count(*) FROM own_posts") == [(0,)]


def test_a_view_of_the_users_upon_ours_is_named_and_nothing_is_lost(engine: sa.Engine) -> None:
    run(engine, "CREATE VIEW public.mine AS SELECT * FROM replyloop.own_posts")
    run(engine, "DELETE FROM migrations WHERE name = 'settled'")
    with pytest.raises(ReplyloopError, match="view mine depends on view") as refused:
        migrate(engine)
    assert "drop that, run this again" in str(refused.value)
    assert rows_of(engine, "SELECT count(*) FROM public.mine") == [(0,)]


def test_settings_that_name_nothing_are_refused() -> None:
    for wrong in (
        {"bot_names": "a"},
        {"bot_values": "=x"},
        {"bot_names": "a.b.c=d"},
        {"bot_timezone": "Mars"},
    ):
        with pytest.raises(ValueError, match="is no"):
            Settings(**wrong)  # type: ignore[arg-type]
