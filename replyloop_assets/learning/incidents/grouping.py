"""From messages to errors: one row per category and fingerprint, with how often, when, where, and a trend."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

import numpy as np

from replyloop_assets.learning.incidents.categories import OTHER, categorise, own_category
from replyloop_assets.learning.incidents.fingerprint import fold
from replyloop_assets.learning.incidents.merging import Places, merge_frequent, oldest_alike, write
from replyloop_assets.learning.incidents.secrets import hide_secrets
from replyloop_assets.learning.incidents.settings import WEEK, ErrorSettings
from replyloop_assets.learning.incidents.trend import Counts, judge_trends
from replyloop_assets.learning.incidents.words import Shape, tokens

SILENT = "(no message)"
MANY = "(many other messages)"
MOST_BYTES = 500  # of a fingerprint: it is part of a primary key, whose entries have a limit
MOST_OF_EXAMPLE = 1000  # characters
MOST_KEPT = 2**13  # messages whose shape is known: those of a day come again in every window that holds it
Pair = tuple[str | None, str]  # category of the bot's own, message
Key = tuple[str, str]  # category, fingerprint


class Told(NamedTuple):
    """How often one component told one message: the bot's own category, counts that go with ages in days."""

    component: str | None
    category: str | None
    message: str
    ages: list[int]
    counts: list[int]
    first_at: datetime
    last_at: datetime


class Error(NamedTuple):
    """One error: `came_lately` if it was new within the last `quiet_days`, whoever looked then.

    When it was first seen reaches back `lookback_days` only, as its trend does.
    """

    category: str
    fingerprint: str
    component: str | None
    occurrences: int
    previous_occurrences: int
    last_day_occurrences: int
    first_seen_at: datetime
    last_seen_at: datetime
    example: str
    trend: str
    p_value: float
    came_lately: bool


def group_errors(rows: Sequence[Told], settings: ErrorSettings) -> list[Error]:
    """The errors of the last two weeks, in order of category and fingerprint, whatever that of the rows."""
    counts: Counter[Pair] = Counter()
    for row in rows:
        counts[row.category, row.message] += sum(row.counts)
    of_pair = fingerprints(counts, settings)
    cases: defaultdict[Key, list[Told]] = defaultdict(list)
    for row in rows:
        cases[of_pair[row.category, row.message]].append(row)
    found = sorted(cases)
    if not found:
        return []
    daily = np.array([count_days(cases[key], settings.lookback_days) for key in found])
    ages = settings.lookback_days - 1 - np.argmax(daily[:, ::-1] > 0, axis=1)  # when each came first
    oldest = oldest_like_it(found, ages)
    lately = (ages < settings.quiet_days) & (oldest < ages + settings.new_days)
    recent = np.flatnonzero(daily[:, : 2 * WEEK].sum(1))
    daily, known = daily[recent], oldest[recent] >= settings.new_days
    trends = judge_trends(daily, settings, known)
    figures = zip(
        daily[:, :WEEK].sum(1).tolist(),
        daily[:, WEEK : 2 * WEEK].sum(1).tolist(),
        daily[:, 0].tolist(),
        trends.trend,
        trends.p_value.tolist(),
        lately[recent].tolist(),
        strict=True,
    )
    return [
        name_error(found[place], cases[found[place]], *of) for place, of in zip(recent, figures, strict=True)
    ]


def count_days(rows: Sequence[Told], days: int) -> Counts:
    """Occurrences of one error on each day, the last first; shape (days,)."""
    daily = np.zeros(days, np.int64)
    for row in rows:
        daily[row.ages] += row.counts  # no age comes twice in one row
    return daily


def name_error(
    key: Key,
    rows: Sequence[Told],
    week: int,
    before: int,
    last_day: int,
    trend: str,
    p_value: float,
    came_lately: bool,
) -> Error:
    """An error with its counts per period and its trend, from what was told of it."""
    newest = max(rows, key=lambda row: (row.last_at, row.message))
    return Error(
        *key,
        component=leading_component(rows),
        occurrences=week,
        previous_occurrences=before,
        last_day_occurrences=last_day,
        first_seen_at=min(row.first_at for row in rows),
        last_seen_at=newest.last_at,
        example=hide_secrets(newest.message)[:MOST_OF_EXAMPLE],
        trend=trend,
        p_value=p_value,
        came_lately=came_lately,
    )


def leading_component(rows: Sequence[Told]) -> str | None:
    """The component that tells an error most often; of two, the first by code point."""
    counts: Counter[str] = Counter()
    for row in rows:
        if row.component is not None:
            counts[row.component] += sum(row.counts)
    return min(counts, key=lambda name: (-counts[name], name), default=None)


def oldest_like_it(keys: Sequence[Key], ages: Places) -> Places:
    """The greatest age of each error and those that differ from it in a word alone that may be a value.

    So the next name is no new error where too few names came, or are left in the lookback, to merge.
    """
    oldest = ages.copy()
    for _, alike in groupby(range(len(keys)), key=lambda place: keys[place][0]):
        here = list(alike)
        oldest[here] = oldest_alike([tokens(keys[place][1]) for place in here], ages[here])
    return oldest


def fingerprints(counts: Mapping[Pair, int], settings: ErrorSettings) -> dict[Pair, Key]:
    """Category and fingerprint of every pair of own category and message; pairs of one category merge.

    Of all categories together no more than `most_shapes` are looked at. The category with the fewest comes
    first, lest another one's flood leave it no room; what finds none is `MANY` of its category.
    """
    by_own: defaultdict[str | None, dict[Pair, str]] = defaultdict(dict)
    for own, message in counts:
        by_own[own_category(own)][own, message] = shape_of(message)
    keys: dict[Pair, Key] = {}
    room = settings.most_shapes
    for own, texts in sorted(by_own.items(), key=lambda item: (len(item[1]), item[0] or "")):
        merged = merge_frequent(add_up(texts, counts), settings.merge_values, room)
        shapes = set(merged.values())
        key_of = {shape: name_shape(shape, own) for shape in shapes}
        many = own if own and room else OTHER  # however many categories a bot makes up
        keys |= {
            pair: key_of[merged[text]] if text in merged else (many, MANY) for pair, text in texts.items()
        }
        room -= len(shapes)
    return keys


@lru_cache(maxsize=MOST_KEPT)
def shape_of(message: str) -> str:
    """The shape of a message, as `write` has it."""
    return write(tokens(fold(message) or SILENT))


def add_up(texts: Mapping[Pair, str], counts: Mapping[Pair, int]) -> Counter[str]:
    """How often each text came."""
    total: Counter[str] = Counter()
    for pair, text in texts.items():
        total[text] += counts[pair]
    return total


def name_shape(shape: Shape, own: str | None) -> Key:
    """Category and fingerprint of a shape."""
    text = "".join(shape).strip()
    return own or categorise(text), shorten(text)


def shorten(text: str) -> str:
    """The text in at most `MOST_BYTES` bytes; where it is cut, a digest keeps it apart from its like."""
    raw = text.encode()
    if len(raw) <= MOST_BYTES:
        return text
    digest = blake2b(raw, digest_size=6).hexdigest()
    return f"{raw[: MOST_BYTES - 16].decode(errors='ignore')}… {digest}"
