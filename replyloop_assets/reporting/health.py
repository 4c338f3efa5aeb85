"""Health for the operator in exactly three sentences: what is wrong, how sure, what the loop did about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from replyloop_assets.learning.health.diagnosis import Group, explain_diagnosis
from replyloop_assets.learning.health.rules import RULES
from replyloop_assets.learning.health.silence import Silence, explain_silence
from replyloop_assets.reporting.answer import OFF, what_was_done
from replyloop_assets.settings import Settings
from replyloop_assets.text import clause

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What the sentences tell of: the newest verdict and pivot, the stages that stand still, the errors."""

    verdict: Row | None
    pivot: Row | None = None
    stale: Sequence[str] = ()
    errors: Sequence[Row] = ()

    def state(self, settings: Settings) -> str:
        """The verdict's status; off where nobody judges, none where nobody has yet."""
        if not settings.features.health:
            return "off"
        return str(self.verdict["status"]) if self.verdict else "none"


def three_sentences(seen: Seen, settings: Settings, now: datetime) -> list[str]:
    """What is wrong and since when; how sure that is and where it comes from; what the loop did about it."""
    return [
        sentence(f"{what_is_wrong(seen, settings)}{also_wrong(seen, settings)}"),
        sentence(f"{how_sure(seen, settings)}{as_of(seen)}"),
        sentence(what_was_done(seen.state(settings), seen.verdict, seen.pivot, settings, now)),
    ]


def what_is_wrong(seen: Seen, settings: Settings) -> str:
    """What is wrong with what replies bring, and since when."""
    state, row, rule = seen.state(settings), seen.verdict or {}, settings.health
    if state == "off":
        return f"nobody watches whether replies bring less, as health is {OFF.format('HEALTH')}"
    if state == "none":
        return "whether anything is wrong is not known, as no day with an outcome is judged yet"
    if state == "unknown":
        return "nothing is known to be wrong, but whether replies bring less cannot be judged yet"
    if state == "silent":
        return explain_silence(silences(row)).removesuffix(".")
    recent = (
        f"{row['recent_avg_followers']:.2f} followers each in the last {rule.recent_days} days"
        if row["sample_size_recent"]
        else f"no outcome came in the last {rule.recent_days} days"
    )
    if state == "healthy":
        usual = f"{row['historical_avg_followers']:.2f} in {rule.historical_days}"
        wrong = seen.stale or seen.errors
        said = "replies bring what they usually do:" if wrong else "nothing is wrong: replies brought"
        return f"{said} {recent} against {usual}{fallen(row)}"
    since = row["segment_started_on"] or row["episode_started_at"].date()
    alarm = f"{row['episode_started_at']:%Y-%m-%d}"
    less = RULES[row["rule"]].shortfall(row)
    return f"replies bring less since {since}: {recent}{less}, with an alarm since {alarm}"


def also_wrong(seen: Seen, settings: Settings) -> str:
    """What else is wrong, beside what was said."""
    degraded = seen.state(settings) == "degraded"
    silent = [str(one) for one in silences(seen.verdict)] if seen.verdict and degraded else []
    errors = [
        f"errors of {clause(error['category'])} {'are new' if error['trend'] == 'new' else 'surge'} "
        f"({error['occurrences']:,} in 7 days)"
        for error in seen.errors
    ]
    return "".join(f"; {text}" for text in [*silent, *seen.stale, *errors])


def how_sure(seen: Seen, settings: Settings) -> str:
    """How sure that is, and where it comes from."""
    state, row, rule = seen.state(settings), seen.verdict or {}, settings.health
    needs = (
        f"{rule.min_baseline_days} days with outcomes that lie more than {rule.baseline_gap_days} days back"
    )
    if state == "off":
        last = f"; the last verdict was {row['status']}" if row else ""
        return f"nothing is measured, so nothing is sure{last}"
    if state == "none":
        return f"nothing is sure before there are {needs}"
    if state == "silent":
        counted = "that is counted and not estimated"
        if any(silence.blinds for silence in silences(row)):
            return f"{counted}; what replies bring cannot be judged without such facts"
        if row["cusum"] is None or row["threshold"] is None:
            return f"{counted}; what replies bring does not rest on it"
        evidence = RULES[row["rule"]].evidence(row, settings.health)
        return f"{counted}; of what replies bring {evidence}"
    if state == "unknown" and not row["sample_size_recent"]:
        return f"no outcome came in the last {rule.recent_days} days, so there is nothing to judge by"
    if state == "unknown":
        return f"to be sure takes {needs}, of which {row['baseline_days']} are there"
    if state == "healthy":
        return RULES[row["rule"]].evidence(row, settings.health)
    judged_by = RULES[row["rule"]]
    sure = "sure enough" if row["pivot_warranted"] else "not yet sure enough"
    where = explain_diagnosis(groups(row)).removesuffix(".")
    comes = f"; {where[:1].lower()}{where[1:]}" if where else ""
    return f"{judged_by.luck(row, settings.health)}, which is {sure} for a pivot{comes}"


def groups(row: Row) -> list[Group]:
    """The diagnosis, with names that cannot end a sentence."""
    return [Group(**{**group, "value": clause(group["value"])}) for group in row["diagnosis"]]


def fallen(row: Row) -> str:
    """What fell although the whole did not."""
    names = [f"{group.dimension} {group.value}" for group in groups(row) if group.fell]
    return f", though {', '.join(names)} fell, beyond chance" if names else ""


def silences(row: Row) -> list[Silence]:
    """What is silent, in words that cannot end a sentence."""
    return [
        Silence(
            **{
                **one,
                "since": datetime.fromisoformat(one["since"]),
                "reason": clause(one.get("reason", "")),
            }
        )
        for one in row["silence"]
    ]


def as_of(seen: Seen) -> str:
    """When the verdict was given."""
    return f", as of {seen.verdict['as_of']:%Y-%m-%d %H:%M} UTC" if seen.verdict else ""


def sentence(text: str) -> str:
    """A clause as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."
