"""API v2 responses into reply_opportunities, discovered_accounts and follower snapshots."""

import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources.importing import import_file
from replyloop_assets_tests.sources.files import (
    START,
    api_page,
    api_post,
    api_user,
    contents,
    empty,
    lines,
    read_all,
    read_one,
    tweet_id,
    write,
)

REAL = Path(__file__).parents[3] / "shared/data/x-api-v2"


def flattened(post: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    """A post as twarc flattens it: the author and the retrieval inlined."""
    return post | {"author": user, "__twarc": api_page([])["__twarc"]}


POSTS = [api_post(0, "11"), api_post(1, "12")]
USERS = [api_user("11", "One", 1500), api_user("12", "Two", 2_000_000)]
PAGE = api_page(POSTS, USERS)
SHAPES = {
    "one page": json.dumps(PAGE),
    "a pretty-printed page": json.dumps(PAGE, indent=2),
    "a page per line": lines(api_page(POSTS[:1], USERS), api_page(POSTS[1:], USERS)),
    "pretty-printed pages in a row": "\n".join(
        json.dumps(api_page([post], USERS), indent=1) for post in POSTS
    ),
    "a stream": lines(*(api_page(post, USERS) for post in POSTS)),
    "flattened posts": lines(*map(flattened, POSTS, USERS)),
    "an array of posts": json.dumps(list(map(flattened, POSTS, USERS))),
    "a pretty-printed array of posts": json.dumps(list(map(flattened, POSTS, USERS)), indent=2),
    "an array, one post a line": "[\n"
    + ",\n".join(json.dumps(post) for post in map(flattened, POSTS, USERS))
    + "\n]\n",
    "an array of pages": json.dumps([PAGE]),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(engine: sa.Engine, tmp_path: Path, shape: str, encoding: str) -> None:
    summary = import_file(engine, write(tmp_path, SHAPES[shape].encode(encoding)))
    assert (summary.format, summary.read, summary.loaded) == ("x_api_v2", 2, 2)
    found = contents(engine)
    rows = {row["target_username"]: row for row in found["reply_opportunities"]}
    row = rows["One"]
    assert row["tweet_id"] == tweet_id(0)
    assert row["author_follower_count"] == 1500
    assert (row["like_count"], row["reply_count"], row["repost_count"]) == (9000, 120, 33)
    assert row["impression_count"] is None
    assert row["tweet_posted_at"] == START
    assert row["discovered_at"] == START + timedelta(hours=5)
    assert row["posted_minutes_ago"] == 300
    assert (row["lang"], row["search_query"]) == ("en", "longevity")
    assert rows["Two"]["author_follower_count"] == 2_000_000
    accounts = {row["username"]: row["follower_count"] for row in found["discovered_accounts"]}
    assert accounts == {"One": 1500, "Two": 2_000_000}
    assert len(found["account_follower_snapshots"]) == 2


def test_the_names_of_openapi_2_167(engine: sa.Engine, tmp_path: Path) -> None:
    metrics = {"like_count": 1, "reply_count": 2, "repost_count": 3, "impression_count": 4}
    page = api_page([api_post(public_metrics=metrics)])
    page["includes"]["users"][0]["public_metrics"]["post_count"] = 5
    import_file(engine, write(tmp_path, json.dumps(page)))
    found = read_one(engine, "SELECT repost_count, impression_count FROM reply_opportunities")
    assert tuple(found) == (3, 4)


def test_reposts_are_skipped_and_errors_reported(engine: sa.Engine, tmp_path: Path) -> None:
    posts = [
        api_post(0),
        api_post(1, referenced_tweets=[{"type": "retweeted", "id": "1"}]),
        api_post(2, text="RT @somebody: more"),
        api_post(3, referenced_tweets=[{"type": "quoted", "id": "1"}]),
        api_post(4, referenced_tweets=[{"type": "replied_to", "id": "1"}]),
    ]
    errors = [{"title": "Not Found Error", "detail": "x"}, {"title": "Not Found Error"}, 5]
    page = api_page(posts, errors=errors)
    page["includes"]["tweets"] = [api_post(9)]
    summary = import_file(engine, write(tmp_path, json.dumps(page)))
    assert (summary.read, summary.loaded, summary.skipped) == (5, 3, 2)
    assert summary.reasons == {"repost": 2}
    assert summary.errors == {"Not Found Error": 2, "error without a title": 1}


def test_a_response_without_posts_is_no_mistake(engine: sa.Engine, tmp_path: Path) -> None:
    values = [
        {"meta": {"result_count": 0}},
        {"errors": [{"title": "Forbidden"}]},
        {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"},
    ]
    summary = import_file(engine, write(tmp_path, lines(*values)))
    assert summary.read == 0
    assert summary.errors == {"Forbidden": 1, "Unauthorized": 1}


BAD: dict[str, Any] = {
    "no post id": api_post(id=12),
    "no post text": api_post(text=None),
    "no posting time": api_post(id="20", created_at=None),
    "posted after it was found": api_post(50),
    "author unknown": api_post(author="99"),
    "negative count": api_post(public_metrics={"like_count": -1}),
    "count is no number": api_post(public_metrics={"like_count": 1.5}),
    "count out of range": api_post(public_metrics={"like_count": 2**40}),
}


def test_bad_posts_are_quarantined_and_the_others_load(engine: sa.Engine, tmp_path: Path) -> None:
    content = lines(api_page([api_post(1)])) + '{"data": [{"id": \n\n' + lines(3, [[]], None)
    content += lines(*(api_page([post, api_post(2)]) for post in BAD.values()))
    data = content.encode() + b'{"data": {"id": "1", "text": "\xff"}}\n'
    summary = import_file(engine, write(tmp_path, data))
    assert summary.loaded == 2
    assert summary.reasons == dict.fromkeys(BAD, 1) | {
        "line is no JSON": 1,
        "line is not UTF-8": 1,
        "no post id": 4,
        "repeat within the file": len(BAD) - 1,
    }
    query = "SELECT line FROM quarantine WHERE reason = 'line is no JSON'"
    assert read_all(engine, query) == [2]


def test_when_a_post_was_found(engine: sa.Engine, tmp_path: Path) -> None:
    silent = api_page([api_post(0), api_post(3, text="RT @a b")], retrieved_hours=None)
    path = write(tmp_path, json.dumps(silent))
    import_file(engine, path)
    found = "SELECT discovered_at FROM reply_opportunities"
    assert read_all(engine, found) == [START + timedelta(hours=3)]  # the newest post, a repost
    empty(engine)
    given_at = START + timedelta(hours=9)
    import_file(engine, path, discovered_at=given_at)
    assert read_all(engine, found) == [given_at]
    empty(engine)
    told = write(tmp_path, json.dumps(api_page([api_post(0)])))
    import_file(engine, told, discovered_at=given_at)
    assert read_all(engine, found) == [given_at]


def test_the_earliest_finding_stays_and_the_newest_follower_count(engine: sa.Engine, tmp_path: Path) -> None:
    def finding(hours: int, likes: int, followers: int) -> Path:
        post = api_post(public_metrics={"like_count": likes})
        page = api_page([post], [api_user(followers=followers)], hours)
        return write(tmp_path, json.dumps(page), str(hours))

    files = [finding(1, 10, 100), finding(2, 20, 300), finding(3, 30, 200)]
    states = []
    for order in itertools.permutations(files):
        empty(engine)
        done = [import_file(engine, path) for path in order]
        assert sum(s.loaded for s in done) == 1
        assert sum(s.updated for s in done) == sum(path < min(order[:n]) for n, path in enumerate(order) if n)
        states.append(contents(engine))
    assert all(state == states[0] for state in states)
    assert states[0]["reply_opportunities"][0]["like_count"] == 10
    assert states[0]["discovered_accounts"][0]["follower_count"] == 200
    assert len(states[0]["account_follower_snapshots"]) == 3


def test_an_account_keeps_a_newer_count_and_its_scores(engine: sa.Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO discovered_accounts (username, follower_count, priority_score, "
                "updated_at) VALUES ('author_one', 77, 0.9, :at)"
            ),
            {"at": START + timedelta(days=1)},
        )
    page = api_page([api_post()], [api_user(followers=50)])
    import_file(engine, write(tmp_path, json.dumps(page)))
    query = "SELECT username, follower_count, priority_score FROM discovered_accounts"
    assert tuple(read_one(engine, query)) == ("Author_One", 77, 0.9)


def test_a_second_import_changes_nothing(engine: sa.Engine, tmp_path: Path) -> None:
    path = write(tmp_path, SHAPES["a stream"] + "{broken\n")
    import_file(engine, path)
    before = contents(engine)
    summary = import_file(engine, path)
    assert (summary.loaded, summary.updated, summary.unchanged) == (0, 0, 2)
    assert contents(engine) == before


findings = st.lists(
    st.builds(
        lambda hour, likes, followers, name, retrieved, query: api_page(
            [api_post(hour, public_metrics={"like_count": likes})],
            [api_user("11", name, followers)],
            retrieved,
            query,
        ),
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(5, 6),
        st.just("Some"),
        st.sampled_from([None, 5, 6]),
        st.sampled_from(["a", "b"]),
    ),
    min_size=1,
    max_size=3,
)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(findings, min_size=2, max_size=3))
def test_findings_may_come_in_any_order(
    engine: sa.Engine, tmp_path: Path, files: list[list[dict[str, Any]]]
) -> None:
    paths = [write(tmp_path, lines(*pages), str(n)) for n, pages in enumerate(files)]
    states = []
    for order in itertools.permutations(paths):
        empty(engine)
        for path in order:
            import_file(engine, path)
        states.append(contents(engine))
    assert all(state == states[0] for state in states)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["data", "id", "text", "author", "author_id", "username", "public_metrics",
             "like_count", "includes", "users", "errors", "title", "__twarc", "created_at",
             "referenced_tweets", "retrieved_at", "url", "lang"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(json_values, min_size=1, max_size=4), st.booleans())
def test_whatever_the_json_holds_the_summary_adds_up(
    engine: sa.Engine, tmp_path: Path, values: list[Any], document: bool
) -> None:
    empty(engine)
    values = [PAGE, *values]
    content = json.dumps(values, indent=1) if document else lines(*values)
    try:
        first = import_file(engine, write(tmp_path, content))
    except ReplyloopError:
        assert document  # NaN is no JSON, and breaks a document
        assert all(not rows for rows in contents(engine).values())
        return
    before = contents(engine)
    second = import_file(engine, tmp_path / "file")
    assert first.loaded >= 2
    assert (second.read, second.loaded, second.updated) == (first.read, 0, 0)
    assert contents(engine) == before


def test_hostile_json(engine: sa.Engine, tmp_path: Path) -> None:
    text = 'a\\N\t\n\u2028 "); DROP TABLE quarantine; --'
    content = lines(api_page([api_post(text=text)]))
    content += "[" * 200_000 + "\n"
    content += '{"data": [{"id": ' + "9" * 10_000 + "}]}\n"
    content += lines(api_page([api_post(1)])).replace("a synthetic post", "\\ud800\\u0000x")
    summary = import_file(engine, write(tmp_path, content))
    assert (summary.read, summary.loaded, summary.quarantined) == (4, 2, 2)
    query = "SELECT tweet_text FROM reply_opportunities ORDER BY tweet_posted_at"
    first, second = read_all(engine, query)
    assert first == text
    assert second.endswith("x")
    assert "\0" not in second


REAL_COUNTS = {
    "twarc_brexit.jsonl": (100, 33, 67, 0, {}),
    "twarc_kpop.jsonl": (100, 22, 78, 0, {"Forbidden": 1}),
    "twarc_noflat.jsonl": (100, 53, 47, 0, {"Forbidden": 1}),
    "twarc_streaming_output_with_error.jsonl": (8, 7, 0, 1, {}),
    "twarc_two_tweets.jsonl": (1, 0, 1, 0, {}),
}


@pytest.mark.skipif(not REAL.is_dir(), reason="the licensed samples are not on this machine")
@pytest.mark.parametrize("name", REAL_COUNTS)
def test_the_samples_load_every_original_post(engine: sa.Engine, name: str) -> None:
    summary = import_file(engine, REAL / name)
    counted = (summary.read, summary.loaded, summary.skipped, summary.quarantined, summary.errors)
    assert counted == REAL_COUNTS[name]
    query = "SELECT count(*) FROM reply_opportunities WHERE author_follower_count IS NOT NULL"
    assert read_all(engine, query) == [summary.loaded]
