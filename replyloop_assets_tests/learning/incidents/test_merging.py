"""Words merge where many values stand, whatever the order; what tells errors apart does not."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyloop_assets.learning.incidents import merging
from replyloop_assets.learning.incidents.fingerprint import fold
from replyloop_assets.learning.incidents.merging import merge_frequent, merge_shapes, oldest_alike, write
from replyloop_assets.learning.incidents.words import MOST_TOKENS, Shape, Words, tokens

NAMES = "ann bob cyd dee edd flo gus hal ida jon kim lea max ned oto pam".split()
LEAST = 8


def groups(messages: list[str], least: int = LEAST) -> list[str]:
    merged = merge_shapes({tokens(fold(message)) for message in messages}, least)
    return sorted({"".join(shape) for shape in merged.values()})


def test_many_names_are_values_and_few_are_not() -> None:
    assert groups([f"no such user {name} here" for name in NAMES[:LEAST]]) == ["no such user <*> here"]
    few = [f"no such user {name} here" for name in NAMES[: LEAST - 1]]
    assert groups(few) == few


def test_two_names_at_once_are_values() -> None:
    draw = random.Random(1)
    pairs = [draw.sample(NAMES, 2) for _ in range(12)]
    assert groups([f"cannot bring {a} and {b} together" for a, b in pairs]) == [
        "cannot bring <*> and <*> together"
    ]


def test_a_value_stands_where_something_was_folded() -> None:
    assert groups(["session 8f3a91c2 is gone", "session abcdefgh is gone"]) == ["session <*> is gone"]
    assert groups(["lock a1b2c3.tmp held", "lock abc77.tmp held"]) == ["lock <#>.tmp held"]


@pytest.mark.parametrize(
    "template", ["{} failed on the host", "request failed with code {}", "read failed: {} on socket"]
)
def test_errors_and_codes_are_no_values(template: str) -> None:
    words = {
        "{} failed on the host": [f"{name.title()}Error" for name in NAMES],
        "request failed with code {}": [str(n) for n in range(400, 430)],
        "read failed: {} on socket": [f"E{name.upper()}" for name in NAMES],
    }[template]
    messages = [template.format(word) for word in words]
    assert groups(messages) == sorted(messages)


def test_a_word_or_two_alone_do_not_make_an_error() -> None:
    messages = [f"{name} failed" for name in NAMES]
    assert groups(messages) == sorted(messages)


def test_a_host_named_again_is_the_same() -> None:
    messages = [f"pool of {name}.example.org: cannot resolve {name}.example.org" for name in NAMES]
    assert groups(messages) == ["pool of <*>: cannot resolve <same>"]


@given(
    st.lists(
        st.tuples(*[st.sampled_from([" a", " b", " c", " <#>", " d<#>", " e.f", ":", " XY"])] * 5),
        max_size=60,
    ),
    st.integers(2, 4),
    st.randoms(use_true_random=False),
)
def test_the_order_does_not_matter_and_merging_ends(
    shapes: list[Shape], least: int, draw: random.Random
) -> None:
    merged = merge_shapes(shapes, least)
    shuffled = shapes[:]
    draw.shuffle(shuffled)
    assert merge_shapes(shuffled, least) == merged
    assert set(merged) == set(shapes)
    assert all(len(shape) == len(into) for shape, into in merged.items())


def wordy(count: int, words: int = 100) -> list[str]:
    """Messages of which no two share a word."""
    draw = random.Random(2)
    return [
        " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(words))
        for _ in range(count)
    ]


def test_merging_looks_at_so_many_shapes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    merge = merging.merge_shapes

    def watched(shapes: set[Shape], least: int) -> dict[Shape, Shape]:
        seen.append(len(shapes))
        return merge(shapes, least)

    monkeypatch.setattr(merging, "merge_shapes", watched)
    texts = [write(tokens(text)) for text in wordy(500)]
    counts = {text: n // 10 for n, text in enumerate(texts)}
    merged = merge_frequent(counts, LEAST, 40)
    assert seen == [40]
    assert set(merged) == set(texts[-40:])
    assert merge_frequent(dict(reversed(counts.items())), LEAST, 40) == merged
    tied = merge_frequent(dict.fromkeys(texts, 1), LEAST, 40)
    assert set(tied) == set(sorted(texts)[:40])


def test_what_merging_leaves_of_the_room_others_take() -> None:
    counts = {write(tokens(f"no such user {name} here")): 1 for name in (*wordy(300, 1), *NAMES)}
    merged = merge_frequent(counts, LEAST, 40)
    assert set(merged) == set(counts)
    assert {"".join(shape) for shape in merged.values()} == {"no such user <*> here"}


def test_a_word_has_one_key_wherever_it_stands() -> None:
    shapes = [tokens(text) for text in wordy(30)]
    assert {len(shape) for shape in shapes} == {MOST_TOKENS}
    words = Words(shapes)
    assert words.keys.shape == (len({*words.number}),)
    table = words.table(shapes)
    turned = words.table([shape[::-1] for shape in shapes])
    assert not set(table.terms.sum(axis=1)) & set(turned.terms.sum(axis=1))


def test_shapes_resemble_each_other_in_one_word_that_may_vary() -> None:
    messages = [
        "no such user ann here",
        "no such user bob here",
        "no such host cyd here",
        "ann broke",
        "bob broke",
    ]
    messages += ["failed with code 401 again", "failed with code 403 again"]
    shapes = [tokens(message) for message in messages]
    assert oldest_alike(shapes, np.array([9, 2, 3, 4, 5, 6, 7])).tolist() == [9, 9, 3, 4, 5, 6, 7]
    assert oldest_alike(shapes, np.arange(7)).tolist() == [1, 1, 2, 3, 4, 5, 6]
