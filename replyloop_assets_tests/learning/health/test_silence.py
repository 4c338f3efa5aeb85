"""What is usual decides what is silence."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from replyloop_assets.learning.health.silence import (
    Silence,
    explain_silence,
    find_failure,
    find_silence,
)

FIRST = date(2026, 3, 2)
NOON = timedelta(hours=12)


def silence_after(offsets: list[int], hours: float) -> Silence | None:
    """Facts at noon of these days, looked at so many hours after the last."""
    days = [FIRST + timedelta(days=n) for n in offsets]
    last = datetime.combine(days[-1], datetime.min.time(), UTC) + NOON
    ordinals = np.array([day.toordinal() for day in days])
    return find_silence("replies", ordinals, last, last + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("offsets", "usual"),
    [
        (list(range(30)), 1),
        ([n for n in range(60) if n % 7 < 5], 3),  # no weekends
        (list(range(0, 60, 7)), 7),
        ([*range(20), *range(26, 60)], 1),  # one outage is not the usual
    ],
    ids=["daily", "weekdays", "weekly", "daily with an outage"],
)
def test_twice_the_usual_gap_is_silence(offsets: list[int], usual: int) -> None:
    assert silence_after(offsets, 48 * usual) is None
    found = silence_after(offsets, 48 * usual + 1)
    assert found is not None
    assert found.usual_gap_days == usual
    assert found.hours == 48 * usual + 1


def test_what_never_was_usual_is_no_silence() -> None:
    assert silence_after([0, 1, 2, 3], 10_000) is None
    assert silence_after([0, 1, 2, 3, 4], 10_000) is not None


def test_it_is_said_in_words() -> None:
    found = silence_after(list(range(10)), 60)
    weekly = silence_after(list(range(0, 60, 7)), 24 * 15)
    assert found
    assert weekly
    first = "o replies for 2.5 days (since 2026-03-11 12:00 UTC), where they usually come every day"
    second = "no replies for 15.0 days (since 2026-04-27 12:00 UTC), where they usually come every 7 days"
    assert explain_silence([found]) == f"N{first}."
    assert explain_silence([found, weekly]) == f"N{first}; {second}."


@pytest.mark.parametrize(
    ("refused", "taken", "fails"), [(9, 0, False), (10, 9, True), (10, 10, False), (400, 401, False)]
)
def test_most_of_what_was_told_in_quarantine_is_a_failing_ingestion(
    refused: int, taken: int, fails: bool
) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    found = find_failure("replies", noon, refused, "posted_at is missing", taken, noon + timedelta(hours=8))
    assert (found is not None) == fails
    if found:
        assert (found.kind, found.hours, found.refused) == ("ingestion of replies", 8, 10)
        assert explain_silence([found]) == (
            "The ingestion of replies fails: 10 of the 19 told in a day went to quarantine (since "
            "2026-03-02 12:00 UTC), mostly because posted_at is missing."
        )
