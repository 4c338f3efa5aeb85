"""What to search for: in which order, with how much of the effort, in the words each search box takes.

Priorities and thresholds are the seed's (Phase 2.1): proven accounts (10), the engagement tiers that are
known well enough, best first (9, 8, …), the topics of the settings (7), and exploration (2).

The effort: exploration gets exactly its share. The rest is divided by weight. Proven accounts weigh
their priority, the topics theirs, and each tier the first tier's times its share of the allocation: the more
the allocation gives to a tier, the more its search may spend, and what it gives to tiers that are not
searched for is free for all. The parts of a list too long for one query share by their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from replyloop_assets.learning.queries import SearchSettings, api_query, quoted, split_terms, web_query

# '<5K' is missing: it has no lower bound to search by
TIER_MIN_LIKES = {"100K+": 100_000, "50K-100K": 50_000, "25K-50K": 25_000, "10K-25K": 10_000, "5K-10K": 5_000}
USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


class Account(NamedTuple):
    """An author that was answered: followers a reply on average, as believed, and at most; and how often."""

    username: object  # one that is no name is left out
    average: float
    believed: float
    likely_most: float | None  # the upper end of the interval; none where profile visits stand in
    n: int


class Tier(NamedTuple):
    """An engagement tier: followers a reply, confidence, and its share of the allocation (0 to 1, both)."""

    name: str
    average: float
    confidence: float
    share: float | None


class Query(NamedTuple):
    """A row of the plan."""

    position: int
    label: str
    priority: int
    min_likes: int
    is_exploration: bool
    budget_share: float
    web_query: str
    api_query: str
    reason: str


class Search(NamedTuple):
    """One thing to search for, before it is split into queries."""

    label: str
    priority: int
    min_likes: int
    terms: Sequence[str]
    weight: float
    reason: str
    is_exploration: bool = False


def build_plan(
    accounts: Sequence[Account], tiers: Sequence[Tier], pivot_open: bool, settings: SearchSettings
) -> list[Query]:
    """The plan of one window, the highest priority first; the shares of the budget sum to 1.

    Args:
        tiers: best first; where the allocation gives none of them a share all weigh the same.
        pivot_open: whether more is to be explored, as a pivot is open.
    """
    known = [*proven_search(accounts, settings), *tier_searches(tiers, settings), *topic_search(settings)]
    total = sum(search.weight for search in known)
    explored = settings.pivot_exploration_share if pivot_open else settings.exploration_share
    if not known:
        explored = 1.0
    plan: list[Query] = []
    for search in sorted(
        [*known, exploration(pivot_open, bool(known), settings)], key=lambda search: -search.priority
    ):
        share = explored if search.is_exploration else (1 - explored) * search.weight / total
        parts = split_terms(search.terms, search.min_likes, settings)
        for number, terms in enumerate(parts, 1):
            plan.append(
                Query(
                    len(plan) + 1,
                    search.label if len(parts) == 1 else f"{search.label} ({number}/{len(parts)})",
                    search.priority,
                    search.min_likes,
                    search.is_exploration,
                    share if len(parts) == 1 else share * len(terms) / len(search.terms),
                    web_query(terms, search.min_likes, settings),
                    api_query(terms, search.min_likes, settings),
                    search.reason,
                )
            )
    return plan


def proven_search(accounts: Sequence[Account], settings: SearchSettings) -> Iterable[Search]:
    """The accounts that brought enough followers per reply and may go on to, the best, if there are any.

    One lucky reply makes an average: it proves nothing, and neither does one that belief rules out.
    """
    least = settings.proven_avg_followers
    proven = sorted(
        (-one.believed, -one.average, -one.n, one.username)
        for one in accounts
        if one.average >= least
        and (one.likely_most is None or one.likely_most >= least)
        and one.n >= settings.proven_replies
        and isinstance(one.username, str)
        and USERNAME.fullmatch(one.username)
    )
    names = list(dict.fromkeys(name.lower() for *_, name in proven))[: settings.proven_accounts]
    if not names:
        return
    believed, average, n = (-part for part in proven[0][:3])
    these = "1 account" if len(names) == 1 else f"{len(names)} accounts"
    yield Search(
        "Proven accounts",
        settings.proven_priority,
        settings.proven_min_likes,
        [f"from:{name}" for name in names],
        settings.proven_priority,
        f"{these} brought at least {least:g} followers per reply and may go on to, most of all {names[0]}: "
        f"{believed:.2f} believed, {average:.2f} over {n:.0f} {'reply' if n == 1 else 'replies'}.",
    )


def tier_searches(tiers: Sequence[Tier], settings: SearchSettings) -> list[Search]:
    """The engagement tiers that are known well enough, best first, where the allocation gives anything."""
    allocated = any(tier.share and tier.share > 0 for tier in tiers)
    searches: list[Search] = []
    for place, (name, average, confidence, given) in enumerate(tiers, 1):
        share = given if allocated else 1 / len(tiers)
        if not (name in TIER_MIN_LIKES and confidence > settings.tier_confidence and share and share > 0):
            continue
        gives = f"the allocation gives it {share:.0%}" if allocated else "no allocation: all weigh the same"
        searches.append(
            Search(
                f"Top tier {name}",
                max(settings.tier_priority - len(searches), 1),
                TIER_MIN_LIKES[name],
                [],
                settings.tier_priority * share,
                f"Place {place} of {len(tiers)} tiers: {average:.2f} followers per reply, "
                f"confidence {confidence:.2f}, above {settings.tier_confidence:g}; {gives}.",
            )
        )
    return searches


def topic_search(settings: SearchSettings) -> Iterable[Search]:
    """The topics of the settings, if there are any."""
    if settings.topics:
        yield Search(
            f"Topics {short(settings.topic_min_likes)}+",
            settings.topic_priority,
            settings.topic_min_likes,
            list(dict.fromkeys(map(quoted, settings.topics))),
            settings.topic_priority,
            "The topics of the settings, whatever the figures say.",
        )


def exploration(pivot_open: bool, anything_known: bool, settings: SearchSettings) -> Search:
    """The search beyond what is known."""
    usual, more = settings.exploration_share, settings.pivot_exploration_share
    if not anything_known:
        reason = "Nothing is known yet and no topics are set: all of the effort explores."
    elif pivot_open:
        reason = f"A pivot is open: {more:.0%} of the effort explores, instead of {usual:.0%}."
    else:
        reason = f"{usual:.0%} of the effort explores beyond what is known."
    return Search(
        f"Exploration {short(settings.exploration_min_likes)}+",
        settings.exploration_priority,
        settings.exploration_min_likes,
        [],
        0,
        reason,
        is_exploration=True,
    )


def short(count: int) -> str:
    """A count of likes as people say it: 10K, 1.5M."""
    for size, letter in ((1_000_000, "M"), (1_000, "K")):
        if count >= size:
            return f"{count / size:g}{letter}"
    return str(count)
