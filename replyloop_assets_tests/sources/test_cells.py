"""Ids, counts and days as spreadsheets and exports write them."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyloop_assets.sources.cells import MAX_COUNT, Remembered, read_count, read_day, read_tweet_id
from replyloop_assets.sources.items import Refused
from replyloop_assets.sources.snowflake import EPOCH, FIRST_DAY, derived_decision_id, posted_at

ID = "2019771234567890123"
LINK = f"https://x.com/someone/status/{ID}"


def test_the_time_of_a_post_is_in_its_id() -> None:
    assert posted_at(str(1 << 22)) == EPOCH + timedelta(milliseconds=1)
    # the worked example of X's documentation on ids
    assert posted_at("1541815603606036480") == datetime(2022, 6, 28, 16, 7, 40, 105000, UTC)
    assert posted_at(str(((2**41) - 1) << 22)) > FIRST_DAY


def test_a_derived_decision_id_is_stable_and_differs_by_post() -> None:
    assert derived_decision_id("1") == "a33c8d0f-a069-5b7b-81f8-0dc11dc849a9"
    assert derived_decision_id("1") == derived_decision_id("1") != derived_decision_id("2")
    for number in range(100):
        address = f"https://x.com/i/web/status/{number}"
        assert derived_decision_id(str(number)) == str(uuid.uuid5(uuid.NAMESPACE_URL, address))


@pytest.mark.parametrize(
    ("cell", "link"),
    [
        (ID, LINK),
        (ID, ""),
        ("", LINK),
        ("2.01977E+18", LINK),
        ("2,01977e18", LINK),
        ("2.01977123456789E+18", LINK),
        ("2019771234567890000", LINK),
        (str(int(float(ID))), LINK),
        ("2019771234567890200", LINK),  # what JavaScript makes of it
        (f'="{ID}"', LINK),
        (f"'{ID}", LINK),
        (ID, LINK + "?s=20"),
        (ID, LINK.replace("x.com", "twitter.com").replace("status", "statuses")),
    ],
)
def test_an_id_is_read_or_recovered_from_the_link(cell: str, link: str) -> None:
    assert read_tweet_id(cell, link) == ID


@pytest.mark.parametrize(
    ("cell", "link", "reason"),
    [
        ("", "", "no post id"),
        ("", "https://x.com/someone/status/undefined", "link without a post"),
        (ID, "https://x.com/someone/status/undefined", "link without a post"),
        ("2.01977E+18", "", "id damaged by a spreadsheet"),
        ("2019771234567890000", "", "id damaged by a spreadsheet"),
        (ID, LINK[:-1] + "9", "id and link disagree"),
        ("2.01888E+18", LINK, "id and link disagree"),
        ("12", LINK, "id and link disagree"),
        ("not an id", LINK, "post id is no number"),
        ("٢٠١٩٧٧١٢٣٤٥٦٧٨٩٠١٢٣", "", "post id is no number"),
        ("0", "", "post id out of range"),
        ("9999999999999999999", "", "post id out of range"),
    ],
)
def test_an_id_in_doubt_is_refused(cell: str, link: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read_tweet_id(cell, link)


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        ("0", 0),
        (" 12 ", 12),
        ("1,234", 1234),
        ("1 234 567", 1234567),
        ("1\u202f234", 1234),
        ("12.0", 12),
        ("", None),
        ("-", None),
        (str(MAX_COUNT), MAX_COUNT),
    ],
)
def test_counts(cell: str, count: int | None) -> None:
    assert read_count(cell) == count


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("-1", "negative count"),
        ("1.2K", "count is no number"),
        ("1.234", "count is no number"),  # a thousand or one and a bit: nobody can tell
        ("1,23", "count is no number"),
        ("1,234 567", "count is no number"),
        ("NaN", "count is no number"),
        ("=1+1", "count is no number"),
        ("１２", "count is no number"),
        (str(MAX_COUNT + 1), "count out of range"),
        ("9" * 5000, "count is no number"),
    ],
)
def test_a_count_in_doubt_is_refused(cell: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read_count(cell)


@given(st.integers(0, MAX_COUNT), st.sampled_from([",", " ", "\u00a0", "'"]))
def test_thousands_may_be_separated(count: int, separator: str) -> None:
    assert read_count(f"{count:,}".replace(",", separator)) == count


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("Mon Feb 03 2025", date(2025, 2, 3)),
        ("Fri, Feb 27, 2026", date(2026, 2, 27)),
        ("2021-03-01 12:34 +0000", date(2021, 3, 1)),
        ("2026年2月27日", None),
        ("Fri, Feb 31, 2026", None),
        ("", None),
    ],
)
def test_days(cell: str, day: date | None) -> None:
    assert read_day(cell) == day


def test_only_so_many_short_cells_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Remembered, "CELLS", 3)
    counts = Remembered(read_count)
    cells = ["0", " " * Remembered.LENGTH + "1", "2", "3", "4", "0"]
    assert [counts[cell] for cell in cells] == [0, 1, 2, 3, 4, 0]
    assert list(counts) == ["0", "2", "3"]
    with pytest.raises(Refused):
        counts["-1"]
