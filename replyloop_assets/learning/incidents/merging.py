"""Shapes that differ in a word or two only, where many values stand: names, hosts, words without a digit.

What merges depends on the set of shapes alone, not on their order: every position at which enough values
stand is widened at once, and that again until nothing moves.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.learning.incidents.words import MOST_TOKENS, STAYS, Flags, Keys, Shape, Words, any_for

Places = NDArray[np.intp]

LEAST_ROOM = 4  # the part of a round that must be free for another one, which bounds their number
RAREST = 4  # positions of a shape are tried two at a time


def merge_frequent(counts: Mapping[str, int], least_values: int, most: int) -> dict[str, Shape]:
    """The shapes that those written so belong to, the most frequent first; the rest is not in it.

    No more than `most` shapes are looked at at once. What merging leaves of that number, the next ones take,
    as long as it is worth while.
    """
    waiting = sorted(counts, key=lambda text: (-counts[text], text))
    merged: dict[str, Shape] = {}
    while waiting and (room := most - len(set(merged.values()))) >= max(1, most // LEAST_ROOM):
        taken = {text: read(text) for text in waiting[:room]}
        waiting = waiting[room:]
        merged |= taken
        step = merge_shapes(set(merged.values()), least_values)
        merged = {text: step[shape] for text, shape in merged.items()}
    return merged


def write(shape: Shape) -> str:
    """A shape in one text, which takes a tenth of the memory."""
    return "\n".join(shape)


def read(text: str) -> Shape:
    """The shape that was written so."""
    return tuple(text.split("\n"))


def merge_shapes(shapes: Collection[Shape], least_values: int) -> dict[Shape, Shape]:
    """The shape that each one belongs to; `least_values` different words make a position one of values."""
    merged: dict[Shape, Shape] = {}
    for alike in by_length(shapes):
        merged |= merge_alike(alike, least_values)
    return merged


def merge_alike(shapes: Collection[Shape], least_values: int) -> dict[Shape, Shape]:
    """The shape that each one of the same length belongs to."""
    merged = {shape: shape for shape in shapes}
    if len(merged) == 1:
        return merged
    words = Words(shapes)
    for widen in (settle_ids, widen_one, widen_two, widen_one):
        while step := widen(sorted(set(merged.values())), words, least_values):
            merged = {shape: step.get(last, last) for shape, last in merged.items()}
    return merged


def oldest_alike(shapes: Sequence[Shape], ages: Places) -> Places:
    """The greatest age of each shape and those that differ from it in one word alone, that may be a value."""
    oldest = ages.copy()
    places = {shape: place for place, shape in enumerate(shapes)}
    for alike in by_length(shapes):
        if len(alike) == 1:
            continue
        here = np.array([places[shape] for shape in alike])
        table = Words(alike).table(alike)
        rest, flags = table.rest(), table.may_widen()
        for place in np.flatnonzero(flags.any(axis=0)):
            tried = np.flatnonzero(flags[:, place])
            alike_here = maxima(rest[tried, place], ages[here[tried]])
            oldest[here[tried]] = np.maximum(oldest[here[tried]], alike_here)
    return oldest


def settle_ids(shapes: Sequence[Shape], words: Words, least_values: int) -> dict[Shape, Shape]:
    """An id that happened to begin or end in letters alone goes where its like are folded whole."""
    known, moved = set(shapes), {}
    for shape in shapes:
        for place, token in enumerate(shape):
            bare = words.bare.get(token, token)
            if bare != token and (there := (*shape[:place], bare, *shape[place + 1 :])) in known:
                moved[shape] = there
                break
    return moved


def widen_one(shapes: Sequence[Shape], words: Words, least_values: int) -> dict[Shape, Shape]:
    """Shapes with every position widened at which so many differ, all else alike."""
    table = words.table(shapes)
    rest, flags = table.rest(), table.may_widen()
    for place in np.flatnonzero(flags.any(axis=0)):
        tried = np.flatnonzero(flags[:, place])
        # where something folded stands, whatever stands there is a value
        votes = np.where(table.folded[tried, place], least_values, 1)
        flags[tried, place] = sums(rest[tried, place], votes) >= least_values
        flags[tried, place] &= sizes(rest[tried, place]) > 1
    return replace_flagged(shapes, flags)


def widen_two(shapes: Sequence[Shape], words: Words, least_values: int) -> dict[Shape, Shape]:
    """Shapes with two of their rarest words widened, where each of the two takes half as many values."""
    if len(shapes) < least_values:
        return {}
    terms, may_vary, weight, _ = table = words.table(shapes)
    rare = rarest(terms, may_vary)
    pairs = [(one, two) for two in range(rare.shape[1]) for one in range(two)]
    row = np.repeat(np.arange(len(shapes)), len(pairs))
    places = np.sort(rare[:, pairs].reshape(-1, 2), axis=1)
    tried = may_vary[row, places[:, 0]] & may_vary[row, places[:, 1]]
    stays = weight.sum(axis=1)[row] - weight[row, places[:, 0]] - weight[row, places[:, 1]]
    row, places = row[tried & (stays > STAYS)], places[tried & (stays > STAYS)]
    first, second = terms[row, places[:, 0]], terms[row, places[:, 1]]
    rest = table.rest()[row, places[:, 0]] - second
    rest += (places @ [MOST_TOKENS, 1]).astype(np.uint64)  # which two they are
    enough = sizes(rest) >= least_values
    for values in (first, second):
        enough[enough] = distinct(rest[enough], values[enough]) >= max(2, least_values // 2)
    flags = np.zeros(terms.shape, bool)
    for side in (0, 1):
        flags[row[enough], places[enough, side]] = True
    return replace_flagged(shapes, flags)


def by_length(shapes: Collection[Shape]) -> Iterator[list[Shape]]:
    """Shapes of one length each time."""
    lengths: defaultdict[int, list[Shape]] = defaultdict(list)
    for shape in shapes:
        lengths[len(shape)].append(shape)
    for _, alike in sorted(lengths.items()):
        yield sorted(alike)


def rarest(terms: Keys, may_vary: Flags) -> Places:
    """The positions of each shape whose tokens the fewest others have there; shape (shapes, RAREST)."""
    shared = np.full(terms.shape, len(terms) + 1)
    for place in range(terms.shape[1]):
        shared[:, place] = sizes(terms[:, place])
    shared[~may_vary] = len(terms) + 1
    return np.argsort(shared, axis=1, kind="stable")[:, :RAREST]


def sizes(keys: Keys) -> Places:
    """How often each key comes."""
    _, group, size = np.unique(keys, return_inverse=True, return_counts=True)
    return size[group]


def sums(keys: Keys, counts: Places) -> Places:
    """The sum of the counts that come with each key."""
    _, group = np.unique(keys, return_inverse=True)
    return np.bincount(group, counts).astype(np.intp)[group]


def maxima(keys: Keys, values: Places) -> Places:
    """The greatest of the values that come with each key."""
    _, group = np.unique(keys, return_inverse=True)
    most = np.full(group.max(initial=-1) + 1, -1)
    np.maximum.at(most, group, values)
    return most[group]


def distinct(keys: Keys, values: Keys) -> Places:
    """How many different values come with each key."""
    _, group = np.unique(keys, return_inverse=True)
    pairs = np.unique(np.column_stack([group.astype(np.uint64), values]), axis=0)
    return np.bincount(pairs[:, 0].astype(np.intp), minlength=group.max(initial=-1) + 1)[group]


def replace_flagged(rows: Sequence[Shape], flags: Flags) -> dict[Shape, Shape]:
    """The rows that change, and what becomes of them."""
    replaced = {}
    for n in np.flatnonzero(flags.any(axis=1)).tolist():
        shape = tuple(
            any_for(token) if flag else token for token, flag in zip(rows[n], flags[n].tolist(), strict=True)
        )
        if shape != rows[n]:
            replaced[rows[n]] = shape
    return replaced
