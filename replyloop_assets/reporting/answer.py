"""What the loop did about the health it sees, for the third of the operator's sentences."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from replyloop_assets.learning.allocation.rules import rule_of
from replyloop_assets.learning.health.pivoting import FRESH_DAYS, PastPivot, is_answered
from replyloop_assets.learning.health.rules import RULES
from replyloop_assets.settings import Settings
from replyloop_assets.text import clause

Row = Mapping[str, Any]
LATELY = timedelta(days=30)  # a pivot that closed since is still worth a word
OFF = "switched off (REPLYLOOP_FEATURES__{})"


def what_was_done(
    state: str, verdict: Row | None, pivot: Row | None, settings: Settings, now: datetime
) -> str:
    """What the loop did, by the state of health, the newest verdict and the newest pivot."""
    usual = effort(settings, settings.allocation.exploration_share)
    if pivot and pivot["closed_at"] is None:
        return open_pivot(pivot, settings, now)
    if state == "silent":
        return "the loop can do nothing about it: see whether the bot runs, and what is in quarantine"
    if state == "degraded" and verdict:
        return waiting(verdict, pivot, settings, now)
    if pivot and now - pivot["closed_at"] <= LATELY:
        opened, closed = (f"{pivot[name]:%Y-%m-%d}" for name in ("opened_at", "closed_at"))
        return f"the pivot of {opened} was closed on {closed} ({clause(pivot['closed_reason'])}), and {usual}"
    if state == "off":
        return f"the loop will open no pivot, and {usual}"
    return f"the loop had nothing to do about it, and {usual}"


def open_pivot(pivot: Row, settings: Settings, now: datetime) -> str:
    """What an open pivot does, and when it will close."""
    rule, opened = settings.pivots, pivot["opened_at"]
    explores = effort(settings, settings.allocation.pivot_exploration_share)
    if settings.allocation.pivot_spread == "doubt" and rule_of(settings.allocation).follows_doubt:
        explores += " where the drop leaves doubt of what works best"
    names = [clause(name) for name in pivot["experiments"]]
    noun = "experiment" if len(names) == 1 else "experiments"
    began = f"it began the {noun} {', '.join(names)}" if names else "it began no experiment"
    text = f"a pivot is open since {opened:%Y-%m-%d}: {explores}, {began}, and it"
    for feature in ("health", "pivots"):
        if not getattr(settings.features, feature):
            return f"{text} stays open while that component is {OFF.format(feature.upper())}"
    earliest, latest = (
        opened + timedelta(days=days) for days in (rule.least_days, settings.health.episode_days)
    )
    first = f" on {earliest:%Y-%m-%d} at the earliest" if now < earliest else " now"
    return f"{text} closes{first} if replies have recovered, and on {latest:%Y-%m-%d} at the latest"


def waiting(row: Row, pivot: Row | None, settings: Settings, now: datetime) -> str:
    """Why a drop has no open pivot, and what one needs."""
    if not settings.features.pivots:
        usual = effort(settings, settings.allocation.exploration_share)
        return f"the loop raised the alarm and opens no pivot, as that is {OFF.format('PIVOTS')}, and {usual}"
    most = settings.health.episode_days
    over_at = PastPivot(pivot["opened_at"], pivot["closed_at"]).over_at(most) if pivot else None
    if pivot and over_at and is_answered(row["episode_started_at"], over_at):
        closed = f"{pivot['closed_at']:%Y-%m-%d} ({clause(pivot['closed_reason'])})"
        return f"the loop answered it with the pivot that was closed on {closed}, and opens no other for it"
    if (now.date() - row["day"]).days > FRESH_DAYS:
        return (
            "the loop opens a pivot only on a verdict of today or yesterday: replyloop materialize makes one"
        )
    if not row["pivot_warranted"]:
        needed = RULES[row["rule"]].needed(row, settings.health)
        return f"the loop raised the alarm and waits for more evidence: {needed}"
    again = over_at and over_at + timedelta(days=settings.pivots.cooldown_days)
    when = (
        f"on {again:%Y-%m-%d}, {settings.pivots.cooldown_days} days after the last"
        if again and now < again
        else ("within minutes while replyloop up runs")
    )
    return f"the loop raised the alarm, and opens a pivot {when}"


def effort(settings: Settings, share: float) -> str:
    """How much of the effort explores."""
    if not settings.features.allocation:
        return f"effort stays as it is shared, as allocation is {OFF.format('ALLOCATION')}"
    return f"{share:g}% of the effort explores"
