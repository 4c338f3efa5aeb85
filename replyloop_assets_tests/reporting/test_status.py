"""The trend of a value in a few words."""

import pytest

from replyloop_assets.reporting.status import trend


@pytest.mark.parametrize(
    ("direction", "per_week", "words"),
    [
        ("rising", 0.034, "rising 3% a week"),
        ("falling", -0.12, "falling 12% a week"),
        ("flat", 0.02, "flat"),
        ("unknown", None, "–"),
        (None, None, "–"),
    ],
)
def test_a_trend_is_told_in_a_few_words(direction: str | None, per_week: float | None, words: str) -> None:
    assert trend({"trend": direction, "trend_per_week": per_week}) == words
