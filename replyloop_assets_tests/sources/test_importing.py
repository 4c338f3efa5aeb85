"""Imports as a whole: what is refused, what a kill leaves, and what runs at the same time."""

import gzip
import json
import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.sources import file_reading, importing, merging, recognise
from replyloop_assets.sources.importing import import_file
from replyloop_assets.sources.summary import Summary
from replyloop_assets.warehouse.edges.build import drop_views
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets_tests.sources.files import (
    CONTENT_HEADER,
    api_page,
    api_post,
    contents,
    export_row,
    export_text,
    lines,
    read_all,
    write,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
EXPORT = export_text([export_row(n, f"@name{n} hi") for n in range(3)], lineterminator="\n")
PRETTY = json.dumps(api_page([api_post(n) for n in range(3)]), indent=2)

REFUSED: dict[str, tuple[str | bytes, str]] = {
    "nothing": (b"", "is empty"),
    "only spaces": (b"\xef\xbb\xbf \n\n", "is empty"),
    "a picture": (PNG, "is not text"),
    "an archive": (gzip.compress(b"x" * 1000), "neither a CSV|is not text|not UTF-8"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00" + os.urandom(500), "is not text"),
    "another CSV": ("name,age\nx,1\n", "also has the columns post id, post text"),
    "a CSV without likes": (
        "Post id,Post text,Impressions\n1,x,2\n",
        "also has the column likes",
    ),
    "an overview export": (
        "Date,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Unfollows,Replies,"
        "Reposts,Profile visits,Create Post,Video views,Media views\n",
        "account overview export",
    ),
    "prose": ("Dear reader.\n\nThis is no table.\n", "neither a CSV nor JSON"),
    "a web page": ("<!doctype html>\n<html></html>", "neither a CSV nor JSON"),
    "an archive's tweets": ('window.YTD.tweets.part0 = [{"tweet": {}}]', "X archive"),
    "another encoding": (EXPORT.replace("hi", "h\u00e9").encode("cp1252"), "not UTF-8"),
    "an open quote": (EXPORT + '1,"never closed\n2,3\n', "line 5 and never closes"),
    "a cell beyond measure": (EXPORT + "x" * (2**20 + 9), "line 5 of more than 1 MiB"),
    "a quote beyond measure": (EXPORT + '"' + "x\n" * 2**19, "of more than 1 MiB"),
    "JSON of another kind": ('{"name": "x", "version": 1}', "JSON of another kind"),
    "users": (
        json.dumps({"data": [{"id": "1", "name": "x", "username": "x"}]}),
        "JSON of another kind",
    ),
    "an empty array": ("[]", "JSON of another kind"),
    "truncated JSON": (json.dumps(api_page([api_post()]))[:-30], "cut off or broken"),
    "truncated JSON document": (PRETTY[: len(PRETTY) // 2], "cut off or broken"),
    "truncated early": ("{", "cut off or broken"),
    "trailing garbage": (PRETTY + "\n}\n", "cut off or broken"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_files_are_refused_in_one_sentence(engine: sa.Engine, tmp_path: Path, kind: str) -> None:
    content, sentence = REFUSED[kind]
    with pytest.raises(ReplyloopError, match=sentence) as refusal:
        import_file(engine, write(tmp_path, content))
    assert "\n" not in str(refusal.value)
    assert all(not rows for rows in contents(engine).values())


def test_what_is_no_file_is_refused(engine: sa.Engine, tmp_path: Path) -> None:
    with pytest.raises(ReplyloopError, match="is a folder"):
        import_file(engine, tmp_path)
    with pytest.raises(ReplyloopError, match="There is no file"):
        import_file(engine, tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReplyloopError, match="no ordinary file"):
        import_file(engine, tmp_path / "pipe")


def test_a_header_alone_loads_nothing(engine: sa.Engine, tmp_path: Path) -> None:
    summary = import_file(engine, write(tmp_path, ",".join(CONTENT_HEADER) + "\r\n"))
    assert (summary.read, summary.oldest) == (0, None)


def test_the_name_and_the_folder_do_not_matter(engine: sa.Engine, tmp_path: Path) -> None:
    assert import_file(engine, write(tmp_path, EXPORT, "tweets.json")).loaded == 3
    assert import_file(engine, write(tmp_path, PRETTY, "x.csv")).format == "x_api_v2"


class Killed(Exception):
    """Stands for a kill at any moment."""


@pytest.mark.parametrize("content", [EXPORT, PRETTY], ids=["csv", "json"])
@pytest.mark.parametrize("at_call", [1, 2])
def test_a_kill_half_way_leaves_nothing(
    engine: sa.Engine, tmp_path: Path, content: str, at_call: int
) -> None:
    calls = 0

    def kill(bytes_done: int, bytes_total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == at_call:
            raise Killed

    path = write(tmp_path, content)
    with pytest.raises(Killed):
        import_file(engine, path, on_progress=kill)
    assert all(not rows for rows in contents(engine).values())
    assert import_file(engine, path).loaded == 3


def test_a_merge_that_fails_leaves_nothing(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def merge_then_fail(*arguments: object) -> None:
        merging.merge(*arguments)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(importing, "merge", merge_then_fail)
    with pytest.raises(Killed):
        import_file(engine, write(tmp_path, EXPORT))
    assert all(not rows for rows in contents(engine).values())


def test_progress_rises_to_the_size_of_the_file(engine: sa.Engine, tmp_path: Path) -> None:
    rows = [export_row(n / 100, "x" * 100) for n in range(2000)]
    path = write(tmp_path, export_text(rows))
    seen: list[tuple[int, int]] = []
    import_file(engine, path, on_progress=lambda done, total: seen.append((done, total)))
    size = path.stat().st_size
    assert {total for _, total in seen} == {size}
    done = [done for done, _ in seen]
    assert done == sorted(done)
    assert len(set(done)) > 3
    assert done[-1] == size


def test_two_imports_at_once_do_not_repeat_each_other(engine: sa.Engine, tmp_path: Path) -> None:
    paths = [
        write(tmp_path, EXPORT, "one"),
        write(tmp_path, EXPORT, "two"),
        write(tmp_path, PRETTY, "three"),
        write(tmp_path, PRETTY, "four"),
    ]
    with ThreadPoolExecutor(len(paths)) as pool:
        done = list(pool.map(lambda path: import_file(engine, path), paths))
    assert sum(summary.loaded for summary in done) == 6
    assert sum(summary.unchanged for summary in done) == 6
    tables = contents(engine)
    assert len(tables["content_metadata"]) == len(tables["tweet_metrics"]) == 3
    assert len(tables["reply_opportunities"]) == 3
    assert len(tables["account_follower_snapshots"]) == 1


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    away = sa.create_engine("postgresql+psycopg://nobody@/none?host=/nonexistent")
    with pytest.raises(ReplyloopError, match="PostgreSQL did not take"):
        import_file(away, write(tmp_path, EXPORT))


def test_what_the_database_refuses_is_one_sentence_without_the_text(
    engine: sa.Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        drop_views(connection)
        connection.execute(sa.text("ALTER TABLE content_metadata ALTER COLUMN content TYPE VARCHAR(9)"))
    migrate(engine)
    text = export_text([export_row(0), export_row(1, "a secret that is too long")])
    with pytest.raises(ReplyloopError, match="too long") as refusal:
        import_file(engine, write(tmp_path, text))
    assert "secret" not in str(refusal.value)
    assert read_all(engine, "SELECT count(*) FROM content_metadata") == [0]


def big_export(rows: int) -> Iterator[str]:
    yield ",".join(CONTENT_HEADER) + "\r\n"
    for n in range(rows):
        (line,) = export_text([export_row(-n / 60, "@someone " + "x" * 200)]).splitlines()[1:]
        yield line + "\r\n"


def peak_memory(engine: sa.Engine, path: Path) -> int:
    tracemalloc.start()
    try:
        import_file(engine, path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["csv", "lines", "array"])
def test_memory_does_not_grow_with_the_file(engine: sa.Engine, tmp_path: Path, kind: str) -> None:
    def build(size: int) -> Path:
        posts = [api_post(-n / 60, text="x" * 200) for n in range(size)]
        content = {
            "csv": lambda: "".join(big_export(size)),
            "lines": lambda: lines(*(api_page([post]) for post in posts)),
            "array": lambda: json.dumps([api_page([post]) for post in posts], indent=1),
        }[kind]()
        return write(tmp_path, content, str(size))

    peak_memory(engine, build(10))  # what is loaded once and stays
    small, large = peak_memory(engine, build(500)), peak_memory(engine, build(5000))
    assert large < small + 1_000_000
    assert (tmp_path / "5000").stat().st_size > 1_500_000


def test_a_document_beyond_the_bound_is_one_sentence(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (file_reading, importing, recognise):
        monkeypatch.setattr(module, "MAX_RECORD", 2**20)
    posts = [api_post(n, text="x" * 5000) for n in range(-400, 0)]
    page = api_page(posts)
    for content in (json.dumps(page), json.dumps(page, indent=1), lines(api_page([]), page)):
        with pytest.raises(ReplyloopError, match="more than 1 MiB"):
            import_file(engine, write(tmp_path, content))
    assert all(not rows for rows in contents(engine).values())
    for indent in (None, 1):  # an array is read post by post
        content = json.dumps([api_page([post]) for post in posts], indent=indent)
        path = write(tmp_path, content, str(indent))
        summary = import_file(engine, path)
        assert summary.read == summary.loaded + summary.unchanged == len(posts)


def test_summaries_add_up() -> None:
    one = Summary("a", "decisions", read=3, loaded=1, skipped=2, reasons={"repost": 2})
    two = replace(one, source="b", format="x_api_v2", errors={"Forbidden": 1})
    both = one + two
    assert (both.source, both.format, both.read, both.skipped) == ("a, b", "several", 6, 4)
    assert both.as_dict()["reasons"] == {"repost": 4}
    assert json.dumps(both.as_dict())
    with pytest.raises(AssertionError):
        Summary("a", "decisions", read=1)
