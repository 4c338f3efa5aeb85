"""From messages to errors: one row per category and fingerprint, with how often, when, where, and a trend."""

from collections import Counter, defaultdict
from hashlib import blake2b

import numpy as np
import pandas as pd

from replyloop_assets.learning.errors.categories import categorise, own_category
from replyloop_assets.learning.errors.fingerprint import fold
from replyloop_assets.learning.errors.merging import Shape, merge_shapes, tokens
from replyloop_assets.learning.errors.trend import WEEK, Counts, ErrorSettings, judge_trends

SILENT = "(no message)"
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
Pair = tuple[str | None, str]  # category of the bot's own, message
Key = tuple[str, str]  # category, fingerprint


def group_errors(rows: pd.DataFrame, settings: ErrorSettings) -> pd.DataFrame:
    """The errors of the last two weeks, in order of category and fingerprint; columns as `COLUMNS`.

    Args:
        rows: component, category (the bot's own), message, age (days, 0 the last), occurrences, first_at
            and last_at. Their order does not matter.
    """
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    owns = [own if isinstance(own, str) else None for own in rows["category"]]
    of_pair = fingerprints({*zip(owns, rows["message"], strict=True)}, settings.merge_values)
    keys = [of_pair[pair] for pair in zip(owns, rows["message"], strict=True)]
    found = sorted(set(keys))
    number = {key: place for place, key in enumerate(found)}
    rows = rows.assign(place=[number[key] for key in keys])
    daily = np.zeros((len(found), settings.lookback_days), np.int64)
    np.add.at(daily, (rows["place"].to_numpy(), rows["age"].to_numpy()), rows["occurrences"].to_numpy())
    errors = pd.DataFrame(found, columns=COLUMNS[:2])
    errors["component"] = pd.Series(leading_components(rows), dtype=object)
    spans = rows.groupby("place")
    errors["first_seen_at"], errors["last_seen_at"] = spans["first_at"].min(), spans["last_at"].max()
    newest = rows.sort_values(["last_at", "message"]).groupby("place")["message"].last()
    errors["example"] = newest.str.slice(0, MOST_OF_EXAMPLE)
    recent = daily[:, : 2 * WEEK].sum(1) > 0
    return with_trends(errors[recent].reset_index(drop=True), daily[recent], settings)


def with_trends(errors: pd.DataFrame, daily: Counts, settings: ErrorSettings) -> pd.DataFrame:
    """The errors with their counts per period and their trends."""
    trends = judge_trends(daily, settings)
    counted = errors.assign(
        occurrences=daily[:, :WEEK].sum(1),
        previous_occurrences=daily[:, WEEK : 2 * WEEK].sum(1),
        last_day_occurrences=daily[:, 0],
        trend=trends.trend,
        p_value=trends.p_value,
    )
    return counted[COLUMNS]


def fingerprints(pairs: set[Pair], merge_values: int) -> dict[Pair, Key]:
    """Category and fingerprint of every pair of own category and message; pairs of one category merge."""
    by_own: defaultdict[str | None, dict[Pair, Shape]] = defaultdict(dict)
    for own, message in pairs:
        by_own[own_category(own)][own, message] = tokens(fold(message) or SILENT)
    keys: dict[Pair, Key] = {}
    for own, shapes in by_own.items():
        merged = merge_shapes(set(shapes.values()), merge_values)
        texts = {shape: "".join(shape).strip() for shape in set(merged.values())}
        key_of = {shape: (own or categorise(text), shorten(text)) for shape, text in texts.items()}
        keys |= {pair: key_of[merged[shape]] for pair, shape in shapes.items()}
    return keys


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
