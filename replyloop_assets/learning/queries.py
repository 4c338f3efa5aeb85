"""The words that each search box takes: the query of X on the web, that of API v2, and what bounds them."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Self

from pydantic import field_validator, model_validator

from replyloop_assets.learning.fields import LARGEST_COUNT, Component, Words, count, setting, share

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
TOPIC_SIGNS = frozenset(" '’&.,+/#@%!?-_$")


def likes(default: int, what: str) -> Any:
    """The field of how many likes a post must have to be searched for."""
    return count(default, f"The likes that a post of {what} must have.", "likes")


def priority(default: int, what: str) -> Any:
    """The field of a search's priority."""
    return count(default, f"The priority of {what}.", "the higher the earlier", least=1)


class SearchSettings(Component):
    """What is searched for, in the seed's numbers and within the rules of X."""

    proven_avg_followers: float = setting(
        10,
        "What replies to a proven account brought at least.",
        "followers per reply",
        ge=0,
        le=LARGEST_COUNT,
    )
    proven_replies: int = count(2, "How many replies prove an account: one may be luck.", "replies", least=1)
    proven_accounts: int = count(20, "How many proven accounts are searched for.", "accounts")
    proven_min_likes: int = likes(5_000, "theirs")
    proven_priority: int = priority(10, "proven accounts")
    tier_confidence: float = share(0.7, "The confidence above which an engagement tier is searched for.")
    tier_priority: int = priority(9, "the best tier; the others follow")
    topics: Words = setting(
        ("health", "wellness", "longevity"), "What else is searched for, as phrases.", "a list"
    )
    topic_min_likes: int = likes(10_000, "a topic")
    topic_priority: int = priority(7, "topics")
    exploration_min_likes: int = likes(250_000, "the exploration")
    exploration_priority: int = priority(2, "exploration")
    exploration_share: float = share(0.10, "The share of the effort that explores.")
    pivot_exploration_share: float = share(0.30, "The share that explores while a pivot is open.")
    lang: str = setting("en", "The language of the posts, a code such as en or zh-TW.")
    api_query_limit: int = setting(512, "How long a query of API v2 may be.", "characters", ge=1, le=4096)

    @field_validator("lang")
    @classmethod
    def check_language(cls, code: str) -> str:
        """Refuse what is no code of a language."""
        if not LANGUAGE.fullmatch(code):
            raise ValueError(f"the language {code[:60]!r} is no code such as en or zh-TW")
        return code

    @field_validator("topics")
    @classmethod
    def check_topics(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what would be more than a phrase."""
        for topic in topics:
            if why := topic_problem(topic):
                raise ValueError(f"the topic {topic[:60]!r} cannot be searched for: {why}")
        return topics

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Refuse queries that are longer than they may be."""
        self.require(
            len(api_query(["from:" + 15 * "x"], self.proven_min_likes, self)) <= self.api_query_limit,
            f"api_query_limit ({self.api_query_limit}) is too short for a single account",
            "api_query_limit",
        )
        for topic in self.topics:
            self.require(
                len(api_query([quoted(topic)], self.topic_min_likes, self)) <= self.api_query_limit,
                f"the topic {topic[:60]!r} is too long for a query",
                "topics",
                "api_query_limit",
            )
        return self


def topic_problem(topic: str) -> str | None:
    """Why a topic cannot stand in a query, in words; None for one that can."""
    if not topic.strip():
        return "it is empty"
    for sign in topic:
        category = unicodedata.category(sign)
        if category[0] == "C" or category in ("Zl", "Zp"):
            return "it holds a control character"
        if not (category[0] in "LMN" or category == "So" or sign in TOPIC_SIGNS):
            return f"it holds the character {sign}"
    words = topic.split()
    if any(word.startswith("-") for word in words):
        return "a word that begins with - is an operator"
    if {"OR", "AND", "NOT"} & set(words):
        return "OR, AND and NOT are operators"
    return None


def quoted(topic: str) -> str:
    """A topic as an exact phrase; what would need an escape is refused by `topic_problem`."""
    return f'"{topic.strip()}"'


def any_of(terms: Sequence[str]) -> list[str]:
    """The part of a query that asks for one of the terms; nothing where there are none."""
    return [f"({' OR '.join(terms)})"] if terms else []


def web_query(terms: Sequence[str], min_likes: int, settings: SearchSettings) -> str:
    """The query for the search box of X on the web."""
    return " ".join([*any_of(terms), f"min_faves:{min_likes}", "-filter:replies", f"lang:{settings.lang}"])


def api_query(terms: Sequence[str], min_likes: int, settings: SearchSettings) -> str:
    """The query for API v2, which answers 400 to `min_faves:` and `-filter:`."""
    rest = [f"min_likes:{min_likes}", "-is:reply", "-is:retweet", f"lang:{settings.lang}"]
    return " ".join([*any_of(terms), *rest])


def split_terms(terms: Sequence[str], min_likes: int, settings: SearchSettings) -> list[list[str]]:
    """The terms, in order, in as few queries as the length limit of API v2 allows."""
    parts: list[list[str]] = [[]]
    for term in terms:
        longer = [*parts[-1], term]
        if parts[-1] and len(api_query(longer, min_likes, settings)) > settings.api_query_limit:
            parts.append([term])
        else:
            parts[-1] = longer
    return parts
