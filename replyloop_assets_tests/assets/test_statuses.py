"""The status of an arm in the live allocation: active, testing, paused, retired (design.md, Data)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa

from replyloop_assets.warehouse.queries import read_sql

START = datetime(2026, 5, 1, tzinfo=UTC)
SHARES = {"A": 0.9, "B": 0.06, "C": 0.02, "D": 0.02}


def move(
    engine: sa.Engine, at: datetime, shares: dict[str, float], paused_after_days: int = 14
) -> dict[str, str]:
    """The newest window's shares go live; the statuses that come of it."""
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM strategy_allocation_history"))
        for name, share in shares.items():
            connection.execute(
                sa.text("""
                    INSERT INTO strategy_allocation_history (
                        day, as_of, dimension, value, probability, allocation_pct, successes,
                        failures, sample_size, is_exploration, avg_followers_gained, confidence_score
                    )
                    VALUES (:day, :as_of, 'generator', :name, :share, 100 * :share, 1, 1, 2, :explores, 1, 1)
                """),
                {"day": at.date(), "as_of": at, "name": name, "share": share, "explores": share < 0.5},
            )
        connection.execute(
            sa.text(read_sql("stages/strategy_allocation_live")),
            {"day": at.date(), "as_of": at, "paused_after_days": paused_after_days},
        )
        rows = connection.execute(sa.text("SELECT strategy_name, status FROM strategy_allocation"))
        return {row.strategy_name: row.status for row in rows}


def experiment(engine: sa.Engine, at: datetime, decision: str | None) -> None:
    """A against B, running or decided."""
    key = uuid4()
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
                INSERT INTO experiments (
                    id, experiment_name, hypothesis, dimension, control_strategy, treatment_strategy,
                    status, started_at
                )
                VALUES (:id, 'x', 'x', 'generator', 'A', 'B', :status, :at)
            """),
            {"id": key, "status": "completed" if decision else "running", "at": at},
        )
        if decision:
            connection.execute(
                sa.text("""
                    INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)
                    VALUES (:id, 'decided', :at, 'x', jsonb_build_object('decision', CAST(:decision AS TEXT)))
                """),
                {"id": key, "at": at, "decision": decision},
            )


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def test_an_arm_at_the_least_share_is_paused_after_two_weeks_and_active_once_it_rises(
    engine: sa.Engine,
) -> None:
    assert move(engine, day(0), SHARES) == dict.fromkeys("ABCD", "active")
    assert set(move(engine, day(13), SHARES).values()) == {"active"}
    assert move(engine, day(14), SHARES) == {"A": "active", "B": "active", "C": "paused", "D": "paused"}
    risen = {"A": 0.5, "B": 0.06, "C": 0.42, "D": 0.02}
    assert move(engine, day(15), risen) == {"A": "active", "B": "active", "C": "active", "D": "paused"}
    assert move(engine, day(20), SHARES)["C"] == "active"  # the two weeks begin anew
    assert move(engine, day(21), {"A": 0.5, "B": 0.5})["D"] == "paused"  # gone from the window


def test_how_long_that_takes_is_a_setting(engine: sa.Engine) -> None:
    move(engine, day(0), SHARES)
    assert set(move(engine, day(2), SHARES, paused_after_days=3).values()) == {"active"}
    assert move(engine, day(3), SHARES, paused_after_days=3)["D"] == "paused"


def test_an_arm_in_a_running_experiment_is_testing(engine: sa.Engine) -> None:
    experiment(engine, day(1), None)
    assert move(engine, day(0), SHARES)["B"] == "active"
    assert move(engine, day(2), SHARES) == {"A": "testing", "B": "testing", "C": "active", "D": "active"}


def test_what_an_experiment_rejected_or_replaced_is_retired_until_it_wins_its_share_back(
    engine: sa.Engine,
) -> None:
    experiment(engine, day(1), "reject")
    assert move(engine, day(2), SHARES) == {"A": "active", "B": "retired", "C": "active", "D": "active"}
    assert move(engine, day(3), {"A": 0.9, "C": 0.1})["B"] == "retired"  # and never drawn
    experiment(engine, day(4), "adopt")
    swapped = {"A": 0.06, "B": 0.9, "C": 0.02, "D": 0.02}
    assert move(engine, day(5), swapped) == {"A": "retired", "B": "active", "C": "active", "D": "active"}
    assert move(engine, day(30), SHARES)["A"] == "active"
