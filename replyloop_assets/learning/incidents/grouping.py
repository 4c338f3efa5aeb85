"""From messages to errors: one row per category and fingerprint, with how often, when, where, and a trend."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import groupby

import numpy as np

from replyloop_assets.learning.incidents.categories import OTHER, categorise, own_category
from replyloop_assets.learning.incidents.fingerprint import fold
from replyloop_assets.learning.incidents.merging import Places, merge_frequent, oldest_alike, write
from replyloop_assets.learning.incidents.secrets import hide_secrets
from replyloop_assets.learning.incidents.settings import WEEK, ErrorSettings
from replyloop_assets.learning.incidents.trend import Counts, Flags, judge_trends
from replyloop_assets.learning.incidents.words import Shape, tokens
from replyloop_assets.learning.lazily import pd

SILENT = "(no message)"
MANY = "(many other messages)"
MOST_BYTES = 500  # of a fingerprint: it is part of a primary key, whose entries have a limit
MOST_OF_EXAMPLE = 1000  # characters
COLUMNS = [
    "category",
    "fingerprint",
    "component",
    "occurrences",
    "previous_occurrences",
    "last_day_occurrences",
    "first_seen_at",
    "last_seen_at",
    "example",
    "trend",
    "p_value",
]
LATELY = "came_lately"
Pair = tuple[str | None, str]  # category of the bot's own, message
Key = tuple[str, str]  # category, fingerprint


def group_errors(rows: pd.DataFrame, settings: ErrorSettings) -> pd.DataFrame:
    """The errors of the last two weeks, in order of category and fingerprint; columns as `COLUMNS`.

    One more tells whether it `came_lately`: was new within the last `quiet_days`, whoever looked then. When
    an error was first seen reaches back `lookback_days` only, as its trend does.

    Args:
        rows: component, category (the bot's own), message, ages (days, 0 the last) and counts, which are
            lists, first_at and last_at. Their order does not matter.
    """
    if rows.empty:
        return pd.DataFrame(columns=[*COLUMNS, LATELY])
    owns = [own if isinstance(own, str) else None for own in rows["category"]]
    pairs = list(zip(owns, rows["message"], strict=True))
    rows = rows.assign(occurrences=rows["counts"].map(sum))
    counts: Counter[Pair] = Counter()
    for pair, times in zip(pairs, rows["occurrences"], strict=True):
        counts[pair] += times
    of_pair = fingerprints(counts, settings)
    found = sorted(set(of_pair.values()))
    number = {key: place for place, key in enumerate(found)}
    rows = rows.assign(place=[number[of_pair[pair]] for pair in pairs])
    daily = count_days(rows, len(found), settings.lookback_days)
    errors = pd.DataFrame(found, columns=COLUMNS[:2])
    errors["component"] = pd.Series(leading_components(rows), dtype=object)
    spans = rows.groupby("place")
    errors["first_seen_at"], errors["last_seen_at"] = spans["first_at"].min(), spans["last_at"].max()
    newest = rows.sort_values(["last_at", "message"]).groupby("place")["message"].last()
    errors["example"] = [hide_secrets(text)[:MOST_OF_EXAMPLE] for text in newest]
    ages = settings.lookback_days - 1 - np.argmax(daily[:, ::-1] > 0, axis=1)  # when each came first
    oldest = oldest_like_it(found, ages)
    errors[LATELY] = (ages < settings.quiet_days) & (oldest < ages + settings.new_days)
    known = oldest >= settings.new_days
    recent = daily[:, : 2 * WEEK].sum(1) > 0
    return with_trends(errors[recent].reset_index(drop=True), daily[recent], known[recent], settings)


def count_days(rows: pd.DataFrame, errors: int, days: int) -> Counts:
    """Occurrences of each error on each day, the last first; shape (errors, days)."""
    daily = np.zeros((errors, days), np.int64)
    for place, ages, counts in zip(rows["place"], rows["ages"], rows["counts"], strict=True):
        daily[place, ages] += counts  # no age comes twice in one row
    return daily


def oldest_like_it(keys: Sequence[Key], ages: Places) -> Places:
    """The greatest age of each error and those that differ from it in a word alone that may be a value.

    So the next name is no new error where too few names came, or are left in the lookback, to merge.
    """
    oldest = ages.copy()
    for _, alike in groupby(range(len(keys)), key=lambda place: keys[place][0]):
        here = list(alike)
        oldest[here] = oldest_alike([tokens(keys[place][1]) for place in here], ages[here])
    return oldest


def with_trends(errors: pd.DataFrame, daily: Counts, known: Flags, settings: ErrorSettings) -> pd.DataFrame:
    """The errors with their counts per period and their trends."""
    trends = judge_trends(daily, settings, known)
    counted = errors.assign(
        occurrences=daily[:, :WEEK].sum(1),
        previous_occurrences=daily[:, WEEK : 2 * WEEK].sum(1),
        last_day_occurrences=daily[:, 0],
        trend=trends.trend,
        p_value=trends.p_value,
    )
    return counted[[*COLUMNS, LATELY]]


def fingerprints(counts: Mapping[Pair, int], settings: ErrorSettings) -> dict[Pair, Key]:
    """Category and fingerprint of every pair of own category and message; pairs of one category merge.

    Of all categories together no more than `most_shapes` are looked at. The category with the fewest comes
    first, lest another one's flood leave it no room; what finds none is `MANY` of its category.
    """
    by_own: defaultdict[str | None, dict[Pair, str]] = defaultdict(dict)
    for own, message in counts:
        by_own[own_category(own)][own, message] = write(tokens(fold(message) or SILENT))
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


def leading_components(rows: pd.DataFrame) -> list[str | None]:
    """The component that tells each error most often; of two, the first by code point."""
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for place, component, times in zip(rows["place"], rows["component"], rows["occurrences"], strict=True):
        if isinstance(component, str):
            counts[place][component] += times
    return [
        min(counts[place], key=lambda name: (-counts[place][name], name), default=None)
        for place in range(rows["place"].max() + 1)
    ]
