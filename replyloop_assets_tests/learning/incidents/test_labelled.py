"""Errors of known shape come into the right groups; `python -m benchmarks.errors` measures 100,000."""

from collections import Counter

import pytest

from replyloop_assets.learning.incidents.grouping import MANY, MOST_BYTES, fingerprints, shorten
from replyloop_assets.learning.incidents.settings import ErrorSettings
from replyloop_assets_tests.learning.incidents.labelled import agreement, draw_errors, templates


def test_there_are_400_shapes_and_others_held_out() -> None:
    shapes, held_out = templates("templates"), templates("held_out")
    assert len(set(shapes)) == 400
    assert len(set(held_out) - set(shapes)) == 80


@pytest.mark.parametrize(("name", "count"), [("templates", 12_000), ("held_out", 6_000)])
def test_errors_come_into_the_right_groups(name: str, count: int) -> None:
    events = draw_errors(templates(name), count, seed=7)
    keys = fingerprints(Counter((None, text) for _, text in events), ErrorSettings())
    found = agreement([shape for shape, _ in events], [keys[None, text] for _, text in events])
    assert found.precision >= 0.99
    assert found.recall >= 0.99


def test_agreement_counts_pairs() -> None:
    assert agreement("aabb", "xxyy") == (1, 1)
    assert agreement("aabb", "xxxx") == (2 / 6, 1)
    assert agreement("aaab", "xxyz") == (1, 1 / 3)


def test_a_long_fingerprint_is_cut_and_kept_apart() -> None:
    long = "日" * 400
    assert shorten("short") == "short"
    assert len(shorten(long).encode()) <= MOST_BYTES
    assert shorten(long) != shorten(f"{long}!")


def test_a_flood_is_one_error_and_leaves_room_to_others() -> None:
    words = "abcdefghijklmnopqrstuvwxyz"
    flood = [f"{a}{b}{c} broke" for a in words[:5] for b in words for c in words[:5]]
    counts = {(None, text): 1 for text in flood} | {(None, "it often broke"): 9, ("Own", "zzz broke"): 1}
    settings = ErrorSettings(most_shapes=50)
    keys = fingerprints(counts, settings)
    assert keys[None, "it often broke"] == ("other", "it often broke")
    assert keys["Own", "zzz broke"] == ("own", "zzz broke")
    assert len(set(keys.values())) == 51
    assert keys[None, flood[-1]] == ("other", MANY)
    assert fingerprints(dict(reversed(counts.items())), settings) == keys
    own = fingerprints({(f"own{text}", text): 1 for text in flood}, settings)
    assert len(set(own.values())) == 51
