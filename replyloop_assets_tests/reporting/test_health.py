"""Exactly three sentences, whatever the state and whatever stands in the rows."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from replyloop_assets.reporting.health import Seen, three_sentences
from replyloop_assets.settings import Features, Settings, load_settings

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = load_settings()
ENDS = re.compile(r"[.!?…]+(?=\s|$)")
GROUP: dict[str, Any] = {
    "dimension": "generator",
    "value": "PersonalStory",
    "replies_before": 900,
    "replies": 150,
    "mean_before": 1.2,
    "mean": 0.4,
    "share_of_replies": 0.5,
    "share_of_drop": 0.98,
    "mix_share": 0.0,
    "p_value": 1e-9,
    "fell": True,
}
OTHER = GROUP | {"value": "Facts", "share_of_drop": 0.02, "fell": False}
SILENCE = {"kind": "replies", "since": "2026-05-16 08:30:00+00:00", "hours": 99.5, "usual_gap_days": 1}
HEALTHY: dict[str, Any] = {
    "status": "healthy",
    "degradation": 0.01,
    "p_value": 0.4,
    "pivot_warranted": False,
    "reason": "All is well. Really!",
    "as_of": NOW - timedelta(hours=1),
    "day": NOW.date(),
    "rule": "default",
    "watched": "followers",
    "recent_avg_followers": 4.03,
    "historical_avg_followers": 4.1,
    "sample_size_recent": 280,
    "cusum": 0.4,
    "threshold": 5.5,
    "pivot_threshold": 9.0,
    "baseline_mean": 1.1,
    "baseline_sd": 0.2,
    "baseline_days": 90,
    "segment_started_on": None,
    "segment_replies": 0,
    "segment_mean": None,
    "episode_started_at": None,
    "diagnosis": [],
    "silence": [],
}
DEGRADED = HEALTHY | {
    "status": "degraded",
    "degradation": 0.4,
    "p_value": 0.003,
    "recent_avg_followers": 2.02,
    "cusum": 7.2,
    "segment_started_on": date(2026, 5, 10),
    "segment_replies": 400,
    "segment_mean": 0.66,
    "episode_started_at": datetime(2026, 5, 13, tzinfo=UTC),
    "diagnosis": [GROUP, OTHER],
}
SURE = DEGRADED | {"pivot_warranted": True, "cusum": 12.0}
SILENT = HEALTHY | {"status": "silent", "silence": [SILENCE, SILENCE | {"kind": "snapshots"}]}
YOUNG = HEALTHY | {"status": "unknown", "baseline_days": 6, "threshold": None, "pivot_threshold": None}
OPEN: dict[str, Any] = {
    "opened_at": NOW - 3 * DAY,
    "closed_at": None,
    "opened_reason": "Replies bring less. Really.",
    "closed_reason": None,
    "episode_started_at": datetime(2026, 5, 13, tzinfo=UTC),
    "experiments": ["Facts instead of PersonalStory"],
}
CLOSED = OPEN | {
    "opened_at": NOW - 30 * DAY,
    "closed_at": NOW - 9 * DAY,
    "closed_reason": "Recovered: 4.00 followers per reply in 7 days: no drop beyond chance. But no.",
}
STALE = ("search_plan has not been computed since 2026-05-18 06:00 UTC",)
ERROR = {"category": "rate_limit", "component": "bot", "occurrences": 1200, "trend": "surging"}


def without(*features: str) -> Settings:
    return SETTINGS.model_copy(update={"features": Features(**dict.fromkeys(features, False))})


def said(seen: Seen, settings: Settings = SETTINGS) -> list[str]:
    """The sentences, of which there are three and in each of which one ends."""
    sentences = three_sentences(seen, settings, NOW)
    assert len(sentences) == 3
    for sentence in sentences:
        assert len(ENDS.findall(sentence)) == 1, sentence
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert "None" not in sentence
        assert "nan" not in sentence
    return sentences


def test_healthy() -> None:
    assert said(Seen(HEALTHY)) == [
        "Nothing is wrong: replies brought 4.03 followers each in the last 7 days against 4.10 in 30.",
        "The evidence of a drop stands at 0.4 where an alarm needs 5.5, beside 90 days of what is usual, as "
        "of 2026-05-20 11:00 UTC.",
        "The loop had nothing to do about it, and 10% of the effort explores.",
    ]
    (wrong, _, _) = said(Seen(HEALTHY | {"diagnosis": [GROUP]}))
    assert wrong.endswith("in 30, though generator PersonalStory fell, beyond chance.")


def test_what_else_is_wrong_is_said_beside() -> None:
    (wrong, _, _) = said(Seen(HEALTHY, None, STALE, [ERROR, ERROR | {"category": "api", "trend": "new"}]))
    assert wrong == (
        "Replies bring what they usually do: 4.03 followers each in the last 7 days against 4.10 in 30; "
        "search_plan has not been computed since 2026-05-18 06:00 UTC; errors of rate_limit surge (1,200 in "
        "7 days); errors of api are new (1,200 in 7 days)."
    )


def test_degraded_and_not_yet_sure() -> None:
    assert said(Seen(DEGRADED)) == [
        "Replies bring less since 2026-05-10: 2.02 followers each in the last 7 days, 40% less than usual on "
        "the log scale, with an alarm since 2026-05-13.",
        "Over 400 replies chance alone looks like this once in 5 years or more, which is not yet sure enough "
        "for a pivot; most of it comes from generator PersonalStory: 98% of the drop with 50% of the "
        "replies, as of 2026-05-20 11:00 UTC.",
        "The loop raised the alarm and waits for more evidence: it stands at 7.2 and a pivot needs 9.0.",
    ]


def test_degraded_and_sure_without_a_pivot() -> None:
    assert said(Seen(SURE))[2] == (
        "The loop raised the alarm, and opens a pivot within minutes while replyloop up runs."
    )
    late = said(Seen(SURE | {"day": date(2026, 5, 18)}))[2]
    assert "only on a verdict of today or yesterday" in late
    cooling = CLOSED | {"closed_at": NOW - 2 * DAY}
    another = SURE | {"episode_started_at": NOW - DAY}
    assert said(Seen(another, cooling))[2].endswith("opens a pivot on 2026-05-25, 7 days after the last.")
    had = said(Seen(SURE, CLOSED | {"closed_at": NOW - 2 * DAY}))[2]
    assert had.startswith(
        "The loop answered it with the pivot that was closed on 2026-05-18 (Recovered: 4.00 "
    )


def test_a_pivot_is_open() -> None:
    assert said(Seen(SURE, OPEN))[2] == (
        "A pivot is open since 2026-05-17: 30% of the effort explores where the drop leaves doubt of what "
        "works best, it began the experiment Facts instead of PersonalStory, and it closes on 2026-05-31 at "
        "the earliest if replies have recovered, and on 2026-07-16 at the latest."
    )
    older = OPEN | {"opened_at": NOW - 20 * DAY, "experiments": []}
    assert said(Seen(HEALTHY, older))[2].endswith(
        "it began no experiment, and it closes now if replies have recovered, and on 2026-06-29 at the "
        "latest."
    )
    assert "the experiments a, b" in said(Seen(SURE, OPEN | {"experiments": ["a", "b"]}))[2]


def test_a_pivot_closed_lately() -> None:
    assert said(Seen(HEALTHY, CLOSED))[2] == (
        "The pivot of 2026-04-20 was closed on 2026-05-11 (Recovered: 4.00 followers per reply in 7 days: no "
        "drop beyond chance), and 10% of the effort explores."
    )
    assert "nothing to do" in said(Seen(HEALTHY, CLOSED | {"closed_at": NOW - 31 * DAY}))[2]


def test_silent() -> None:
    wrong, sure, done = said(Seen(SILENT))
    assert wrong.startswith("No replies for 4.1 days (since 2026-05-16 08:30 UTC), where they usually come")
    assert "; no snapshots" in wrong
    assert sure.startswith("That is counted and not estimated")
    assert done.startswith("The loop can do nothing about it")
    assert said(Seen(SILENT, OPEN))[2].startswith("A pivot is open")
    failing = SILENCE | {
        "kind": "ingestion of replies",
        "refused": 20,
        "told": 30,
        "reason": "No. Never! <x>",
    }
    assert "mostly because No" in said(Seen(SILENT | {"silence": [failing]}))[0]


def test_a_drop_beside_a_silence_and_a_silence_that_blinds_nobody() -> None:
    posts = SILENCE | {"kind": "opportunities"}
    wrong, sure, done = said(Seen(SURE | {"silence": [posts]}))
    assert wrong.startswith("Replies bring less since 2026-05-10")
    assert "; no opportunities for 4.1 days" in wrong
    assert "sure enough for a pivot" in sure
    assert done.endswith("opens a pivot within minutes while replyloop up runs.")
    wrong, sure, _ = said(Seen(SILENT | {"silence": [posts]}))
    assert wrong.startswith("No opportunities for 4.1 days")
    assert "of what replies bring the evidence of a drop stands at 0.4 where an alarm needs 5.5" in sure
    young = YOUNG | {"status": "silent", "silence": [posts]}
    assert "what replies bring does not rest on it" in said(Seen(young))[1]


def test_too_early_no_outcome_and_no_row() -> None:
    wrong, sure, _ = said(Seen(YOUNG))
    assert wrong == "Nothing is known to be wrong, but whether replies bring less cannot be judged yet."
    assert sure.startswith(
        "To be sure takes 28 days with outcomes that lie more than 14 days back, of which 6"
    )
    nothing = YOUNG | {"sample_size_recent": 0, "recent_avg_followers": None}
    assert said(Seen(nothing))[1].startswith("No outcome came in the last 7 days")
    wrong, sure, done = said(Seen(None))
    assert wrong == "Whether anything is wrong is not known, as no day with an outcome is judged yet."
    assert sure == "Nothing is sure before there are 28 days with outcomes that lie more than 14 days back."
    assert done.startswith("The loop had nothing to do")


def test_switched_off() -> None:
    assert said(Seen(SURE), without("pivots"))[2] == (
        "The loop raised the alarm and opens no pivot, as that is switched off (REPLYLOOP_FEATURES__PIVOTS), "
        "and 10% of the effort explores."
    )
    off = said(Seen(HEALTHY), without("health"))
    assert off[0].endswith("as health is switched off (REPLYLOOP_FEATURES__HEALTH).")
    assert "the last verdict was healthy, as of 2026-05-20 11:00 UTC" in off[1]
    assert off[2] == "The loop will open no pivot, and 10% of the effort explores."
    said(Seen(None), without("health"))
    assert "stays open" in said(Seen(SURE, OPEN), without("pivots"))[2]
    assert "effort stays as it is shared" in said(Seen(HEALTHY), without("allocation"))[2]


def test_the_numbers_are_the_settings() -> None:
    settings = SETTINGS.model_copy(deep=True)
    object.__setattr__(settings.allocation, "pivot_exploration_share", 45.0)
    object.__setattr__(settings.pivots, "least_days", 5)
    done = said(Seen(SURE, OPEN), settings)[2]
    assert "45% of the effort" in done
    assert "closes on 2026-05-22 at the earliest" in done


def test_the_seeds_rule_speaks_of_its_own_figures() -> None:
    seed = {"rule": "seed", "cusum": None, "threshold": None, "pivot_threshold": None}
    wrong, sure, done = said(Seen(DEGRADED | seed | {"segment_started_on": None, "segment_mean": None}))
    assert "since 2026-05-13: 2.02 followers each in the last 7 days, 40% less" in wrong
    assert sure.startswith(
        "The probability that chance alone looks like this is 0.003, which is not yet sure"
    )
    assert done.endswith("a pivot needs 30 replies and 95% confidence.")
    assert "a drop of more than 30%, and there is one of 1%" in said(Seen(HEALTHY | seed))[1]


HOSTILE = "Bad. Worse! Why? <!channel>\n\x1b[31m" + "! a " * 500


@pytest.mark.parametrize("settings", [SETTINGS, without("health"), without("pivots"), without("allocation")])
@pytest.mark.parametrize("pivot", [None, OPEN, CLOSED, OPEN | {"experiments": [HOSTILE, "…"]}])
@pytest.mark.parametrize(
    "verdict",
    [None, HEALTHY, DEGRADED, SURE, SILENT, YOUNG, SURE | {"diagnosis": [GROUP | {"value": HOSTILE}, OTHER]}],
)
def test_there_are_three_in_every_state(
    verdict: dict[str, Any] | None, pivot: dict[str, Any] | None, settings: Settings
) -> None:
    closed = pivot and pivot | {"closed_reason": pivot["closed_at"] and HOSTILE}
    for one in said(Seen(verdict, closed, STALE, [ERROR | {"category": HOSTILE}]), settings):
        assert "\x1b" not in one
        assert "\n" not in one
