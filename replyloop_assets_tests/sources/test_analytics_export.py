"""Analytics exports into content_metadata, tweet_metrics and discovered_accounts."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replyloop_assets import clock
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources.importing import import_file
from replyloop_assets.sources.snowflake import derived_decision_id, posted_at
from replyloop_assets_tests.sources.files import (
    CONTENT_HEADER,
    START,
    TWEETS_HEADER,
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

REAL = Path(__file__).parents[3] / "shared/data/x-analytics"
JAPANESE = (
    "ポストID,日付,ポスト本文,ポストのリンク,インプレッション数,いいね,エンゲージメント,"
    "ブックマーク,共有された回数\\,新しいフォロー,返信,リポスト,プロフィールへのアクセス数,"
    "詳細のクリック数,URLのクリック数,ハッシュタグのクリック数,パーマリンクのクリック数"
).split(",")
DRIFTED = [
    {"Post Link": "Link", "Shares": "Share", "URL Clicks": "Url clicks"}.get(name, name.upper())
    for name in CONTENT_HEADER
]
UNKNOWN = [f"κολώνα {number}" for number in range(17)]


def test_a_row_becomes_content_and_one_observation(engine: sa.Engine, tmp_path: Path) -> None:
    row = export_row(text="@Target_1 well said", impressions=200, likes=4, engagements=10)
    row |= {"followers_gained": "3", "profile_clicks": "5", "bookmarks": "1"}
    newest = export_row(30, "no reply, @Target_1 stands later")
    summary = import_file(engine, write(tmp_path, export_text([row, newest])))
    assert (summary.format, summary.read, summary.loaded) == ("x_analytics_content", 2, 2)
    assert (summary.oldest, summary.newest) == (posted_at(tweet_id(0)), posted_at(tweet_id(30)))
    content = read_one(engine, f"SELECT * FROM content_metadata WHERE tweet_id = '{tweet_id()}'")._mapping
    assert content["decision_id"] == derived_decision_id(tweet_id())
    assert content["decision_type"] == "reply"
    assert content["target_username"] == "Target_1"
    assert content["target_username_source"] == "text"
    assert content["posted_at"] == START
    assert content["status"] == "posted"
    assert content["content"] == "@Target_1 well said"
    assert content["actual_likes"] == 4
    assert content["actual_impressions"] == 200
    assert content["actual_engagement_rate"] == pytest.approx(0.05)
    seen = read_one(engine, f"SELECT * FROM tweet_metrics WHERE tweet_id = '{tweet_id()}'")._mapping
    assert seen["source"] == "export"
    assert seen["collected_at"] == START + timedelta(hours=30)  # the newest post of the file
    assert (seen["followers_gained"], seen["profile_clicks"], seen["bookmarks"]) == (3, 5, 1)
    other = read_one(engine, f"SELECT * FROM content_metadata WHERE tweet_id = '{tweet_id(30)}'")._mapping
    assert (other["decision_type"], other["target_username"]) == ("single", None)
    assert other["actual_engagement_rate"] is None  # no impressions, no rate
    assert read_all(engine, "SELECT username FROM discovered_accounts") == ["target_1"]


@pytest.mark.parametrize("header", [CONTENT_HEADER, DRIFTED, JAPANESE, UNKNOWN])
@pytest.mark.parametrize("form", ["plain", "bom", "utf-16", "semicolons", "crlf and quotes"])
def test_headers_and_forms(engine: sa.Engine, tmp_path: Path, header: list[str], form: str) -> None:
    rows = [export_row(hour, f'@someone "{hour}", said\nshe', likes=hour) for hour in range(3)]
    text = export_text(rows, header, lineterminator="\n")
    data = text.encode()
    if form == "bom":
        data = b"\xef\xbb\xbf" + data
    elif form == "utf-16":
        data = text.encode("utf-16")
    elif form == "semicolons":
        data = export_text(rows, header, delimiter=";").encode()
    elif form == "crlf and quotes":
        data = export_text(rows, header, quoting=1).encode()
    summary = import_file(engine, write(tmp_path, data))
    assert (summary.read, summary.loaded, summary.format) == (3, 3, "x_analytics_content")
    assert read_all(
        engine,
        "SELECT content FROM content_metadata ORDER BY posted_at",
    ) == [row["content"] for row in rows]
    assert read_all(engine, "SELECT likes FROM tweet_metrics ORDER BY likes") == [0, 1, 2]


def test_the_older_generation(engine: sa.Engine, tmp_path: Path) -> None:
    row = {
        "Tweet id": tweet_id(),
        "Tweet permalink": f"https://twitter.com/a/status/{tweet_id()}",
        "Tweet text": "@someone hello",
        "time": START.strftime("%Y-%m-%d %H:%M +0000"),
        "impressions": "1042.0",
        "engagements": "12.0",
        "engagement rate": "0.0115",
        "retweets": "2.0",
        "replies": "1.0",
        "likes": "7.0",
        "user profile clicks": "3.0",
        "follows": "1.0",
        "promoted impressions": "-",
        "promoted likes": "99",
    }
    summary = import_file(engine, write(tmp_path, table_text(TWEETS_HEADER, [row])))
    assert (summary.format, summary.loaded) == ("x_analytics_tweets", 1)
    found = read_one(
        engine,
        "SELECT impressions, likes, reposts, profile_clicks, followers_gained, bookmarks FROM tweet_metrics",
    )
    assert tuple(found) == (1042, 7, 2, 3, 1, None)


BAD = {
    "link without a post": {"tweet_id": "", "link": "https://x.com/a/status/undefined"},
    "no post id": {"tweet_id": "", "link": ""},
    "id damaged by a spreadsheet": {"tweet_id": "2.01977E+18", "link": ""},
    "id and link disagree": {"link": f"https://x.com/a/status/{tweet_id(1)}"},
    "post id holds no time": {"tweet_id": "20", "link": ""},
    "posted after the export was made": {
        "tweet_id": str(2**62),
        "link": "",  # the year 2045
    },
    "date disagrees with the id": {"date": "Mon, Jan 05, 2026"},
    "negative count": {"likes": "-3"},
    "count is no number": {"impressions": "1.2K"},
    "count out of range": {"impressions": "99999999999"},
}


def test_bad_rows_are_quarantined_and_the_others_load(engine: sa.Engine, tmp_path: Path) -> None:
    rows = [export_row(1), *(export_row() | cells for cells in BAD.values()), export_row(2)]
    summary = import_file(engine, write(tmp_path, export_text(rows)))
    assert (summary.read, summary.loaded, summary.quarantined) == (len(BAD) + 2, 2, len(BAD))
    assert summary.reasons == dict.fromkeys(BAD, 1)
    with engine.connect() as connection:
        stored = connection.execute(sa.text("SELECT reason, line FROM quarantine ORDER BY line"))
        assert list(map(tuple, stored)) == [(reason, at) for at, reason in enumerate(BAD, 3)]
    assert read_all(engine, "SELECT DISTINCT source FROM quarantine") == ["x_analytics_content"]


def test_rows_of_another_width_are_quarantined(engine: sa.Engine, tmp_path: Path) -> None:
    text = export_text([export_row()], lineterminator="\n")
    summary = import_file(
        engine,
        write(tmp_path, text + "1,2,3\n\n" + text.splitlines()[1] + ",,\n" + 'a,"b"c,d\n' + "x" * 17),
    )
    assert summary.reasons == {
        "wrong number of columns": 2,
        "broken quoting": 1,
        "repeat within the file": 1,
    }
    assert summary.loaded == 1
    assert "1,2,3" in read_all(engine, "SELECT raw FROM quarantine")


def test_a_day_apart_or_in_another_language_is_no_disagreement(engine: sa.Engine, tmp_path: Path) -> None:
    rows = [export_row(date="Sun, Jan 11, 2026"), export_row(1, date="2026年1月1日")]
    assert import_file(engine, write(tmp_path, export_text(rows))).loaded == 2


def test_of_repeats_the_greatest_stays(engine: sa.Engine, tmp_path: Path) -> None:
    rows = [export_row(impressions=n, likes=m) for n, m in [(5, 1), (9, 2), (9, 3), (7, 9)]]
    found = []
    for number, order in enumerate(itertools.permutations(rows)):
        empty(engine)
        summary = import_file(engine, write(tmp_path, export_text(order), str(number)))
        assert (summary.loaded, summary.skipped) == (1, 3)
        assert summary.reasons == {"repeat within the file": 3}
        found.append(contents(engine))
    assert all(state == found[0] for state in found)
    assert found[0]["tweet_metrics"][0]["likes"] == 3


def test_a_second_import_changes_nothing(engine: sa.Engine, tmp_path: Path) -> None:
    rows = [export_row(n, f"@name{n} x", likes=n) for n in range(5)] + [export_row(likes="-1")]
    path = write(tmp_path, export_text(rows))
    first = import_file(engine, path)
    before = contents(engine)
    touched = read_all(engine, "SELECT updated_at FROM content_metadata ORDER BY tweet_id")
    second = import_file(engine, path)
    assert (first.loaded, second.loaded, second.updated, second.unchanged) == (5, 0, 0, 5)
    assert second.quarantined == 1
    assert contents(engine) == before
    after = read_all(engine, "SELECT updated_at FROM content_metadata ORDER BY tweet_id")
    assert after == touched


@pytest.mark.parametrize(
    ("damage", "updated"),
    [
        ("DELETE FROM tweet_metrics WHERE likes = 1", 1),
        ("UPDATE tweet_metrics SET likes = NULL WHERE likes = 2", 1),
        ("UPDATE content_metadata SET content = NULL", 3),
        ("DELETE FROM content_metadata WHERE actual_likes = 1", 0),
        ("UPDATE discovered_accounts SET discovered_at = now()", 0),
        ("DELETE FROM discovered_accounts WHERE username = 'name0'", 0),
    ],
)
def test_a_second_import_brings_back_what_was_lost(
    engine: sa.Engine, tmp_path: Path, damage: str, updated: int
) -> None:
    path = write(tmp_path, export_text([export_row(n, f"@name{n} x", likes=n) for n in range(3)]))
    import_file(engine, path)
    before = contents(engine, skip=["actual_likes", "actual_impressions", "actual_engagement_rate"])
    with engine.begin() as connection:
        connection.execute(sa.text(damage))
    summary = import_file(engine, path)
    assert (summary.loaded + summary.unchanged, summary.updated) == (3 - updated, updated)
    assert contents(engine, skip=["actual_likes", "actual_impressions", "actual_engagement_rate"]) == before


def test_a_post_that_stands_twice_is_one_post(engine: sa.Engine, tmp_path: Path) -> None:
    path = write(tmp_path, export_text([export_row(text="@name x"), export_row(1, "new")]))
    with engine.begin() as connection:
        for decision in ("one", "two"):
            connection.execute(
                sa.text("INSERT INTO content_metadata (decision_id, tweet_id) VALUES (:decision, :post)"),
                {"decision": decision, "post": tweet_id()},
            )
            connection.execute(
                sa.text(
                    "INSERT INTO tweet_metrics (tweet_id, collected_at, source) VALUES (:post, :at, 'export')"
                ),
                {"post": tweet_id(1), "at": START + timedelta(hours=9)},
            )
    summary = import_file(engine, path, discovered_at=START + timedelta(hours=9))
    assert (summary.loaded, summary.updated) == (1, 1)
    assert read_all(engine, "SELECT DISTINCT content FROM content_metadata ORDER BY 1") == ["@name x", "new"]


def test_a_later_export_appends_an_observation(engine: sa.Engine, tmp_path: Path) -> None:
    early = write(tmp_path, export_text([export_row(impressions=10, likes=1)]), "early")
    late = write(tmp_path, export_text([export_row(impressions=90, likes=2)]), "late")
    times = {early: START + timedelta(days=2), late: START + timedelta(days=9)}
    states = []
    for order in itertools.permutations(times):
        empty(engine)
        done = [import_file(engine, path, discovered_at=times[path]) for path in order]
        assert [(s.loaded, s.updated) for s in done] == [(1, 0), (0, 1)]
        states.append(contents(engine))
    assert states[0] == states[1]
    assert [row["likes"] for row in states[0]["tweet_metrics"]] == [1, 2]
    assert states[0]["content_metadata"][0]["actual_impressions"] == 90


def test_a_post_younger_than_the_export_claims_is_quarantined(engine: sa.Engine, tmp_path: Path) -> None:
    path = write(tmp_path, export_text([export_row(0), export_row(5)]))
    summary = import_file(engine, path, discovered_at=START + timedelta(hours=2))
    assert summary.reasons == {"posted after the export was made": 1}
    assert read_all(engine, "SELECT collected_at FROM tweet_metrics") == [START + timedelta(hours=2)]


def test_an_instant_in_the_future_is_refused(engine: sa.Engine, tmp_path: Path) -> None:
    path = write(tmp_path, export_text([export_row()]))
    with pytest.raises(ReplyloopError, match="future"):
        import_file(engine, path, discovered_at=clock.now() + timedelta(days=1))


exports = st.lists(
    st.builds(
        lambda hour, impressions, likes, text: export_row(hour, text, impressions=impressions, likes=likes),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from(["", "-", "1", "2"]),
        st.sampled_from(["@Some hi", "@some hi", "hi"]),
    ),
    max_size=4,
)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(exports, st.sampled_from([None, 50])), min_size=2, max_size=3))
def test_exports_may_come_in_any_order(
    engine: sa.Engine, tmp_path: Path, files: list[tuple[list[dict[str, str]], int | None]]
) -> None:
    paths = []
    for number, (rows, hours) in enumerate(files):
        at = None if hours is None else START + timedelta(hours=hours)
        paths.append((write(tmp_path, export_text(rows), str(number)), at))
    states = []
    for order in itertools.permutations(paths):
        empty(engine)
        for path, at in order:
            import_file(engine, path, discovered_at=at)
        states.append(contents(engine, skip=["line"]))
    assert all(state == states[0] for state in states)


garbage = st.text(st.characters(codec="utf-8"), max_size=12)
cells = st.one_of(
    garbage,
    st.integers(-3, 2**33).map(str),
    st.sampled_from(["", "-", tweet_id(), "2.0E+18", "https://x.com/a/status/undefined"]),
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(cells, min_size=17, max_size=18), max_size=6))
def test_whatever_the_rows_hold_the_summary_adds_up(
    engine: sa.Engine, tmp_path: Path, rows: list[list[str]]
) -> None:
    empty(engine)
    wide = [dict(zip(CONTENT_HEADER, row, strict=False)) for row in rows]
    path = write(tmp_path, table_text(CONTENT_HEADER, wide))
    first = import_file(engine, path)  # the summary itself asserts that it adds up
    before = contents(engine)
    second = import_file(engine, path)
    assert first.read == second.read == len(rows)
    assert (second.loaded, second.updated) == (0, 0)
    assert contents(engine) == before
    stored = read_one(
        engine,
        "SELECT (SELECT count(*) FROM content_metadata), (SELECT count(*) FROM quarantine)",
    )
    assert tuple(stored) == (first.loaded, first.quarantined)


HOSTILE = [
    "'); DROP TABLE content_metadata; --",
    "\\N",
    "\\.",
    "a\tb\\tc\r\nd\\",
    '=HYPERLINK("http://evil")',
    "%s %(x)s :name {0} $1",
    "\u202eright to left \U0001f680 e\u0301",
    "x" * 30_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_data(engine: sa.Engine, tmp_path: Path, text: str) -> None:
    summary = import_file(engine, write(tmp_path, export_text([export_row(text=text)])))
    assert summary.loaded == 1
    assert read_all(engine, "SELECT content FROM content_metadata") == [text]


def test_nul_characters_are_left_out(engine: sa.Engine, tmp_path: Path) -> None:
    import_file(engine, write(tmp_path, export_text([export_row(text="a\0b")])))
    assert read_all(engine, "SELECT content FROM content_metadata") == ["ab"]


@pytest.mark.skipif(not REAL.is_dir(), reason="the licensed samples are not on this machine")
def test_the_japanese_sample_is_accounted_for_in_full(engine: sa.Engine) -> None:
    (path,) = REAL.glob("*.csv")
    summary = import_file(engine, path)
    assert (summary.read, summary.loaded, summary.quarantined) == (1598, 1568, 30)
    assert summary.reasons == {"link without a post": 30}
    replies = read_one(
        engine,
        "SELECT count(*), count(DISTINCT target_username), sum(followers_gained), "
        "sum(profile_clicks) FROM content_metadata JOIN tweet_metrics USING (tweet_id) "
        "WHERE decision_type = 'reply'",
    )
    assert tuple(replies) == (1381, 562, 22, 8048)
    again = import_file(engine, path)
    assert (again.loaded, again.updated, again.unchanged) == (0, 0, 1568)
