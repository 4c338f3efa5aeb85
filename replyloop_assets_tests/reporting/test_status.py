"""What the status says in few words, and what it keeps to itself."""

from io import StringIO

import pytest
from rich.console import Console

from replyloop_assets.reporting.status import (
    MOST_TOLD,
    likely,
    performance_table,
    ranking,
    told,
    trend,
)
from replyloop_assets.settings import Settings


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


VALUES = {"believed_metric": "followers", "conversion": None, "conversion_low": None, "conversion_high": None}
RATED = VALUES | {
    "dimension_value": "ada", "reply_count": 25, "avg_followers_gained": 0.0, "avg_profile_clicks": 2.5,
    "roi_score": None, "performance_tier": None, "shrunk_mean": 2.41, "interval_low": 1.8,
    "interval_high": 3.2,
    "trend": None, "trend_per_week": None,
}  # fmt: skip


def test_what_ranks_go_by_is_said_and_what_shares_and_tiers_go_by() -> None:
    settings = Settings()
    said = ranking(VALUES, settings)
    assert said.startswith("Ranks go by the followers")
    assert "chance of being the best, at least 10%" in said
    literal = settings.model_copy(update={"allocation": settings.allocation.changed(rule="seed")})
    assert "effort by the rank of a draw" in ranking(VALUES, literal)
    by_visits = {"believed_metric": "visits", "conversion": 0.0031, "conversion_low": 0.0019}
    said = ranking(by_visits | {"conversion_high": 0.0052}, settings)
    assert "ranks go by the profile visits" in said
    assert "0.0031 followers, likely 0.0019 to 0.0052" in said


def test_a_table_names_the_metric_that_is_believed() -> None:
    console = Console(width=120, file=StringIO())
    for metric in ("followers", "visits"):
        console.print(performance_table("Accounts", [RATED | {"believed_metric": metric}], 5))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "believed followers (95%)" in shown
    assert "believed visits (95%)" in shown
    assert shown.count("2.41 (1.80–3.20)") == 2, "believed, though without followers there is no tier"
    unknown = RATED | {"shrunk_mean": None, "interval_low": None, "interval_high": None}
    assert likely(unknown) == "–"
