"""A fingerprint in words, and what is known of each: whether it may be a value, and how much it says.

Shapes of one length stand in matrices, so that many are compared at once.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Shape = tuple[str, ...]
Flags = NDArray[np.bool_]
Keys = NDArray[np.uint64]  # two sets of words have one sum by chance alone
Weights = NDArray[np.int8]

ANY, SAME = "<*>", "<same>"
MOST_TOKENS = 40  # of a message make its shape
STAYS = 2  # words at least stay as they are
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


class Table(NamedTuple):
    """Matrices of shape (shapes, length) on the tokens of shapes of one length.

    They hold a token's key at its position (the keys of a shape sum to its own), whether it may be a value,
    how much it says if it stays, and whether it was folded whole.
    """

    terms: Keys
    may_vary: Flags
    weight: Weights
    folded: Flags

    def rest(self) -> Keys:
        """The key of all other tokens of a shape."""
        rest: Keys = self.terms.sum(axis=1, dtype=np.uint64)[:, None] - self.terms
        return rest

    def may_widen(self) -> Flags:
        """Where a value may stand: enough of the shape stays."""
        flags: Flags = self.may_vary & (self.weight.sum(axis=1)[:, None] - self.weight >= STAYS)
        return flags


class Words:
    """What is known of the words of shapes, and of what they may become.

    A word has one key, which an odd number of each position spreads: a key for every word and position
    would take `MOST_TOKENS` times the memory.
    """

    def __init__(self, shapes: Collection[Shape]) -> None:
        known = set().union(*shapes)
        words = sorted(known | {any_for(word) for word in known})
        self.number = {word: place for place, word in enumerate(words)}
        self.bare = {word: AROUND.sub("<#>", word) for word in words if "<#>" in word}
        rng = np.random.default_rng(MOST_TOKENS)
        self.spread = rng.integers(2**63, size=MOST_TOKENS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self.keys = rng.integers(2**64, size=len(words), dtype=np.uint64)
        self.weight = np.array([weigh(word) for word in words], np.int8)
        self.may_vary = np.array([bool(VALUE.search(word) and not TELLING.fullmatch(word)) for word in words])
        self.folded = np.array([bool(FOLDED.fullmatch(word)) for word in words])

    def table(self, rows: Sequence[Shape]) -> Table:
        """The matrices of these shapes."""
        length = len(rows[0])
        found = np.array([[self.number[token] for token in row] for row in rows], np.int32)
        return Table(
            self.keys[found] * self.spread[:length],
            self.may_vary[found],
            self.weight[found],
            self.folded[found],
        )


def weigh(token: str) -> int:
    """How much a token says of what went wrong: a name of an error twice as much as a word."""
    if TELLING.fullmatch(token):
        return STAYS
    return int(bool(WORD.search(re.sub("<[^<>]*>", "", token))))


def any_for(token: str) -> str:
    """The mark of any value, with the space before the token."""
    return token[: token[0].isspace()] + ANY
