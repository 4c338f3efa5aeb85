"""The allocation judged by the ledger: what is read, what is left out, and that the past stays as it was."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from replyloop_assets.assets import policy_evaluation
from replyloop_assets.assets.reply_outcomes import keep_decisions
from replyloop_assets.learning.evaluation.estimate import evaluate
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.partitions import Window, day_start
from replyloop_assets_tests.life import runtime_at

DAY = date(2026, 3, 20)
NOW = datetime(2026, 3, 22, 12, tzinfo=UTC)
REPLIES = 900
OUTCOME = sa.text("""
    INSERT INTO reply_outcomes (
        day, as_of, decision_id, tweet_id, posted_at, collected_at, known_at, matured_by, account,
        slots, generator, format, posting_hour, followers_gained
    ) VALUES (
        :day, :day, :unit, :unit, :day, :day, :day, 'horizon', 'ann',
        '{}', 'unknown', 'unknown', '09', :y
    )
""")
ENTRY = sa.text("""
    INSERT INTO decision_ledger (
        dimension, unit, arm, probability, available, policy_version, as_of, decided_at
    )
    VALUES (:dimension, ledger_key(:unit), :arm, 0.5, CAST(:menu AS JSONB), 'strategy_allocation', :at, :at)
""")
SHARE = sa.text("""
    INSERT INTO strategy_allocation_history (
        day, as_of, dimension, value, allocation_pct, probability, draw, successes, failures,
        avg_followers_gained, confidence_score, sample_size, is_exploration
    ) VALUES (:day, :day, :dimension, :arm, 100 * :p, :p, 0, 0, 0, 0, 0, 0, FALSE)
""")


def serve(
    engine: sa.Engine, units: list[str], arms: list[str], y: list[int], menu: dict[str, float], **where: Any
) -> None:
    """Replies of a day, each decided before it, and what they brought."""
    day = where.get("day", DAY)
    at = where.get("at", datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1))
    shared = {"dimension": where.get("dimension", "format"), "menu": json.dumps(menu), "day": day, "at": at}
    rows = [
        {"unit": unit, "arm": arm, "y": count} | shared
        for unit, arm, count in zip(units, arms, y, strict=True)
    ]
    with engine.begin() as connection:
        connection.execute(OUTCOME, rows)
        connection.execute(ENTRY, rows)
        keep_decisions(connection, Window.at(day, day_start(day + timedelta(days=1))))


def allocate(engine: sa.Engine, day: date, dimension: str, shares: dict[str, float]) -> None:
    rows = [{"day": day, "dimension": dimension, "arm": arm, "p": p} for arm, p in shares.items()]
    with engine.begin() as connection:
        connection.execute(SHARE, rows)


def fill(engine: sa.Engine, day: date = DAY, now: datetime = NOW) -> list[Any]:
    policy_evaluation.STAGE.fill(runtime_at(engine, now), Window.at(day, now))
    query = "SELECT * FROM policy_evaluation WHERE day = :day ORDER BY dimension, policy"
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query), {"day": day}))


@pytest.fixture
def served(engine: sa.Engine) -> tuple[sa.Engine, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, 2, REPLIES)
    y = rng.poisson(np.where(chosen, 6.0, 3.0))
    units = [
        f"unit {n:04}" + "x" * 250 * (n % 2) for n in range(REPLIES)
    ]  # a long name is kept by its digest
    arms = ["thread" if one else "single" for one in chosen]
    serve(engine, units, arms, y.tolist(), {"single": 0.5, "thread": 0.5})
    allocate(engine, DAY, "format", {"single": 0.1, "thread": 0.9})
    allocate(engine, DAY, "posting_hour", {"09": 1.0})
    return engine, chosen, y


Served = tuple[sa.Engine, np.ndarray, np.ndarray]


def test_the_allocation_is_worth_what_the_ledger_says(served: Served) -> None:
    engine, chosen, y = served
    allocation, best, uniform, *hours = fill(engine)
    offered = np.full((REPLIES, 2), 0.5)
    expected = evaluate(offered, chosen, y.astype(float), np.array([0.1, 0.9]), EvaluationSettings())
    assert (allocation.policy, allocation.replies, allocation.days_held) == ("allocation", REPLIES, 0)
    assert allocation.value_ratio == pytest.approx(float(expected.ratio), rel=1e-3)  # in another order
    assert allocation.effective_sample_size == pytest.approx(float(expected.ess), rel=0.05)
    assert allocation.interval_low < (0.1 * 3 + 0.9 * 6) / 4.5 < allocation.interval_high
    assert (allocation.verdict, allocation.refused) == ("adopt", False)
    assert allocation.lower_bound > 1
    assert allocation.reason.startswith("Adopt: it is worth 1.2")
    assert (uniform.policy, uniform.value_ratio, uniform.verdict) == (
        "uniform",
        pytest.approx(1, abs=0.02),
        "keep",
    )
    assert (best.policy, best.value_ratio) == ("best arm", pytest.approx(6 / 4.5, rel=0.05))
    assert [(row.policy, row.refused, row.value_ratio, row.replies) for row in hours] == [
        (policy, True, None, 0) for policy in ("allocation", "best arm", "uniform")
    ]
    assert all("no reply of the window" in row.reason for row in hours)


def test_what_is_not_known_before_the_as_of_does_not_count(served: Served) -> None:
    engine, *_ = served
    before = fill(engine)
    menu = {"single": 0.5, "thread": 0.5}
    serve(engine, ["late"], ["single"], [10_000], menu, day=DAY + timedelta(days=1))
    serve(engine, ["old"], ["single"], [10_000], menu, day=DAY - timedelta(days=60))
    serve(engine, ["told later"], ["single"], [10_000], menu, at=NOW)
    serve(engine, ["another"], ["single"], [10_000], menu, dimension="experiment:1")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE strategy_allocation SET probability = 0"))
    assert fill(engine, now=NOW + timedelta(days=30)) == before


def test_a_day_without_an_allocation_has_no_rows(served: Served) -> None:
    engine, *_ = served
    assert len(fill(engine)) == 6
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM strategy_allocation_history")
    assert fill(engine) == []


def test_the_running_day_waits_until_it_has_closed(served: Served) -> None:
    engine, *_ = served
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    assert fill(engine, now=noon) == []
    assert len(fill(engine, now=noon + timedelta(days=1))) == 6
