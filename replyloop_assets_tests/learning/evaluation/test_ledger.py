"""Policies judged by the ledger: what an entry tells, what is refused, and a family's three rows."""

import json

import numpy as np
import pandas as pd
import pytest

from replyloop_assets.learning.evaluation.estimate import ADOPT, KEEP, REFUSE
from replyloop_assets.learning.evaluation.ledger import COLUMNS, as_log, evaluate_policies, evaluate_policy
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.simulation.outcomes import draw_followers

DEFAULTS = EvaluationSettings()


def entries(*rows: tuple[str, dict[str, float], float], hour: int = 0) -> pd.DataFrame:
    """A day of the ledger's entries, in order, as `logged_decisions` holds them."""
    offered = [json.dumps(menu) for _, menu, _ in rows]
    menus, arms = sorted(set(offered)), sorted({arm for arm, _, _ in rows})
    day = {
        "dimension": "format",
        "menus": menus,
        "arms": arms,
        "menu": [menus.index(text) + 1 for text in offered],
        "arm": [arms.index(arm) + 1 for arm, _, _ in rows],
        "decided_at": [hour * 3_600_000_000 + n for n in range(len(rows))],
        "followers_gained": [y for _, _, y in rows],
    }
    return pd.DataFrame([day])


def test_days_go_by_the_order_of_their_decisions_and_a_broken_entry_tells_nothing() -> None:
    rows = [("a", {"a": 0.25, "b": 0.75}, 3), ("b", {"b": 0.5, "c": 0.5}, 1)] * 10
    frame = entries(*rows, ("z", {"a": 1.0}, 99), ("c", {"c": 0.0, "a": 1.0}, 99))
    log = as_log(frame)
    assert log.arms == ["a", "b", "c"]
    assert (len(log.y), log.y.max()) == (20, 3)
    np.testing.assert_array_equal(log.offered[:2], [[0.25, 0.75, 0], [0, 0.5, 0.5]])
    # an outcome may become known days before that of an earlier decision
    mixed = as_log(pd.concat([entries(*rows[7:], hour=1), entries(*rows[:7])]))
    for one, other in zip(log[1:], mixed[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(as_log(frame.iloc[:0]).y) == 0


def log_of(share: float, lift: float, replies: int = 3000) -> pd.DataFrame:
    """A log in which 'b' had this share, and brought so many times what 'a' did."""
    rng = np.random.default_rng(8)
    menu = {"a": 1 - share, "b": share}
    chosen = rng.random(replies) < share
    y = draw_followers(np.where(chosen, 3 * lift, 3.0), np.full(replies, 0.4), 1.3, rng)
    return entries(*(("b" if c else "a", menu, float(v)) for c, v in zip(chosen, y, strict=True)))


@pytest.mark.parametrize(
    ("share", "lift", "verdict", "words"),
    [
        pytest.param(0.4, 1.8, ADOPT, "Adopt: it is worth 1.", id="better"),
        pytest.param(0.4, 1.0, KEEP, "not shown to be better", id="equal"),
        pytest.param(0.003, 3.0, REFUSE, "4 times are as far apart as an answer may be", id="seldom chosen"),
        pytest.param(0.4, 0.0, KEEP, "not shown to be better", id="worse"),
    ],
)
def test_verdicts_on_logs(share: float, lift: float, verdict: str, words: str) -> None:
    found, decided, reason = evaluate_policy(as_log(log_of(share, lift)), {"b": 0.9, "a": 0.1}, DEFAULTS)
    assert decided == verdict
    assert words in reason
    if verdict != REFUSE:
        truth = (0.9 * lift + 0.1) / (share * lift + 1 - share)
        assert found.low <= truth <= found.high


def test_what_cannot_be_told_is_refused_with_the_reason() -> None:
    log = as_log(log_of(0.5, 1.0, 400))
    found, verdict, reason = evaluate_policy(log, {"a": 0.5, "new": 0.5}, DEFAULTS)
    assert (verdict, float(found.ess)) == (REFUSE, 0)
    assert np.isnan(found.ratio)
    assert "new was never to be had" in reason
    _, verdict, reason = evaluate_policy(as_log(log_of(0.5, 1.0).iloc[:0]), {"a": 1.0}, DEFAULTS)
    assert verdict == REFUSE
    assert "no reply of the window" in reason
    silent = log._replace(y=0 * log.y)
    _, verdict, reason = evaluate_policy(silent, {"a": 1.0}, DEFAULTS)
    assert verdict == REFUSE
    assert "none of the 400 replies brought anything" in reason


def test_each_family_is_told_its_allocation_even_shares_and_its_best_arm() -> None:
    shares = pd.DataFrame(
        [("format", "a", 0.2), ("format", "b", 0.8), ("posting_hour", "09", 1.0)],
        columns=["dimension", "value", "probability"],
    )
    found = evaluate_policies(log_of(0.5, 2.0), shares, DEFAULTS)
    assert tuple(found.columns) == COLUMNS
    assert found["dimension"].tolist() == ["format"] * 3 + ["posting_hour"] * 3
    assert found["policy"].tolist() == ["allocation", "uniform", "best arm"] * 2
    assert found["refused"].tolist() == [False] * 3 + [True] * 3
    allocation, uniform, best = found["value_ratio"].tolist()[:3]
    assert allocation == pytest.approx((0.8 * 2 + 0.2) / 1.5, rel=0.03)
    assert uniform == pytest.approx(1, rel=0.01)
    assert best == pytest.approx(2 / 1.5, rel=0.03)
    assert evaluate_policies(log_of(0.5, 2.0), shares.iloc[:0], DEFAULTS).empty
