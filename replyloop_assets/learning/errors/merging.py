"""Shapes that differ in a word or two only, where many values stand: names, hosts, words without a digit.

What merges depends on the set of shapes alone, not on their order: every position at which enough values
stand is widened at once, and that again until nothing moves.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

Shape = tuple[str, ...]
Flags = NDArray[np.bool_]
Keys = NDArray[np.uint64]  # drawn once a word and position; two sets of words have one sum by chance alone
Places = NDArray[np.intp]
Weights = NDArray[np.int_]

ANY, SAME = "<*>", "<same>"
MOST_TOKENS = 100  # of a message make its shape
STAYS = 2  # words at least stay as they are
RAREST = 4  # positions of a shape are tried two at a time
# each with the space before it, so that a shape can be read
TOKEN = re.compile(
    r"\s?(?:[a-z][a-z0-9+]{1,15}://[^\s\"'<>()\[\]{}|`,;]+|[\w<>#@*]+(?:[.+-]+[\w<>#@*]+)*|\S)"
)
# an exception's name, a code, a number that was kept: they say which error it is, however many there are
TELLING = re.compile(r"\s?(?:[A-Z0-9_]{2,}|[0-9.-]+|[\w.]*(?:Error|Exception|Warning|Timeout|Violation))")
WORD = re.compile(r"[^\W\d_]{2,}")
FOLDED = re.compile(r"\s?<[^<>]*>")
VALUE = re.compile(r"\w|<.>")
AROUND = re.compile(r"[A-Za-z]*<#>[A-Za-z]*")


def tokens(fingerprint: str) -> Shape:
    """Words and signs of a fingerprint, the first `MOST_TOKENS` of them; a host named again is `<same>`."""
    found = TOKEN.findall(fingerprint)[:MOST_TOKENS]
    seen = {token.strip(): place for place, token in reversed([*enumerate(found)])}
    return tuple(
        token[: token[0].isspace()] + SAME if "." in token[1:] and seen[token.strip()] < place else token
        for place, token in enumerate(found)
    )


def merge_shapes(shapes: Collection[Shape], least_values: int) -> dict[Shape, Shape]:
    """The shape that each one belongs to; `least_values` different words make a position one of values."""
    merged = {shape: shape for shape in shapes}
    for widen in (settle_ids, widen_one, widen_two, widen_one):
        while step := widen(set(merged.values()), least_values):
            merged = {shape: step.get(last, last) for shape, last in merged.items()}
    return merged


def settle_ids(shapes: Collection[Shape], least_values: int) -> dict[Shape, Shape]:
    """An id that happened to begin or end in letters alone goes where its like are folded whole."""
    known, moved = set(shapes), {}
    for shape in known:
        for place, token in enumerate(shape):
            bare = AROUND.sub("<#>", token)
            if bare != token and (there := (*shape[:place], bare, *shape[place + 1 :])) in known:
                moved[shape] = there
                break
    return moved


def widen_one(shapes: Collection[Shape], least_values: int) -> dict[Shape, Shape]:
    """Shapes with every position widened at which so many differ, all else alike."""
    widened: dict[Shape, Shape] = {}
    for rows, terms, may_vary, weight, folded in by_length(shapes):
        rest = terms.sum(axis=1, dtype=np.uint64)[:, None] - terms
        flags = may_vary & (weight.sum(axis=1)[:, None] - weight >= STAYS)
        for place in np.flatnonzero(flags.any(axis=0)):
            tried = np.flatnonzero(flags[:, place])
            # where something folded stands, whatever stands there is a value
            votes = np.where(folded[tried, place], least_values, 1)
            flags[tried, place] = sums(rest[tried, place], votes) >= least_values
            flags[tried, place] &= sizes(rest[tried, place]) > 1
        widened |= replace_flagged(rows, flags)
    return widened


def widen_two(shapes: Collection[Shape], least_values: int) -> dict[Shape, Shape]:
    """Shapes with two of their rarest words widened, where each of the two takes half as many values."""
    widened: dict[Shape, Shape] = {}
    for rows, terms, may_vary, weight, _ in by_length(shapes):
        rare = rarest(terms, may_vary)
        pairs = [(one, two) for two in range(rare.shape[1]) for one in range(two)]
        row = np.repeat(np.arange(len(rows)), len(pairs))
        places = np.sort(rare[:, pairs].reshape(-1, 2), axis=1)
        tried = may_vary[row, places[:, 0]] & may_vary[row, places[:, 1]]
        stays = weight.sum(axis=1)[row] - weight[row, places[:, 0]] - weight[row, places[:, 1]]
        row, places = row[tried & (stays > STAYS)], places[tried & (stays > STAYS)]
        first, second = terms[row, places[:, 0]], terms[row, places[:, 1]]
        rest = terms.sum(axis=1, dtype=np.uint64)[row] - first - second
        rest += (places @ [MOST_TOKENS, 1]).astype(np.uint64)  # which two they are
        enough = sizes(rest) >= least_values
        for values in (first, second):
            enough &= distinct(rest, values) >= max(2, least_values // 2)
        flags = np.zeros(terms.shape, bool)
        for side in (0, 1):
            flags[row[enough], places[enough, side]] = True
        widened |= replace_flagged(rows, flags)
    return widened


def by_length(shapes: Collection[Shape]) -> Iterator[tuple[list[Shape], Keys, Flags, Weights, Flags]]:
    """Shapes of one length n each time, with matrices of shape (shapes, n).

    They hold a token's key at its position (the keys of a shape sum to its own), whether it may be a value,
    how much it says if it stays, and whether it was folded whole.
    """
    lengths: dict[int, list[Shape]] = defaultdict(list)
    for shape in shapes:
        lengths[len(shape)].append(shape)
    for length, rows in sorted(lengths.items()):
        words = sorted(set().union(*rows))
        number = {word: place for place, word in enumerate(words)}
        found = np.array([[number[token] for token in row] for row in rows]).reshape(-1, length)
        keys = np.random.default_rng(length).integers(2**64, size=(len(words), length), dtype=np.uint64)
        terms = keys[found, np.arange(length)]
        may_vary = np.array([bool(VALUE.search(word) and not TELLING.fullmatch(word)) for word in words])
        weight = np.array([weigh(word) for word in words])
        folded = np.array([bool(FOLDED.fullmatch(word)) for word in words])
        yield rows, terms, may_vary[found], weight[found], folded[found]


def weigh(token: str) -> int:
    """How much a token says of what went wrong: a name of an error twice as much as a word."""
    if TELLING.fullmatch(token):
        return STAYS
    return int(bool(WORD.search(re.sub("<[^<>]*>", "", token))))


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


def distinct(keys: Keys, values: Keys) -> Places:
    """How many different values come with each key."""
    _, group = np.unique(keys, return_inverse=True)
    pairs = np.unique(np.column_stack([group.astype(np.uint64), values]), axis=0)
    return np.bincount(pairs[:, 0].astype(np.intp), minlength=group.max(initial=-1) + 1)[group]


def replace_flagged(rows: list[Shape], flags: Flags) -> dict[Shape, Shape]:
    """The rows that change, and what becomes of them."""
    replaced = {}
    for n in np.flatnonzero(flags.any(axis=1)):
        shape = tuple(
            token[: token[0].isspace()] + ANY if flag else token
            for token, flag in zip(rows[n], flags[n].tolist(), strict=True)
        )
        if shape != rows[n]:
            replaced[rows[n]] = shape
    return replaced
