"""What the status says in few words, and what it keeps to itself."""

import pytest

from replyloop_assets.reporting.status import MOST_TOLD, told, trend


@pytest.mark.parametrize(
    ("direction", "per_week", "words"),
    [
        ("rising", 0.034, "↑ 3%"),
        ("falling", -0.12, "↓ 12%"),
        ("flat", 0.02, "flat"),
        ("unknown", None, "–"),
        (None, None, "–"),
    ],
)
def test_a_trend_is_told_in_a_few_words(direction: str | None, per_week: float | None, words: str) -> None:
    assert trend({"trend": direction, "trend_per_week": per_week}) == words


def test_what_a_bot_says_gives_no_secret_away_and_no_order_to_the_terminal() -> None:
    said = told("login failed\x1b[2J password=hunter2\nagain " + "x" * 900)
    assert "hunter2" not in said
    assert said.isprintable()
    assert len(said) == MOST_TOLD
    assert told(None) == ""
