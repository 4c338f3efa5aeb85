"""The daily look in the database: what it stores, what ends an experiment, and what it leaves alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import pytest
import sqlalchemy as sa

from replyloop_assets.assets import daily_rollup, experiment_results
from replyloop_assets.partitions import Window, days_between
from replyloop_assets_tests.life import runtime_at

START = date(2026, 3, 1)
TRIAL = UUID("5f0c54a4-1f0a-4c0e-9a57-0c8f5d1f2b11")
SHARE = 0.5


def begin(engine: sa.Engine, horizon: int = 60, trial: UUID = TRIAL, first: date = START) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO experiments (id, experiment_name, hypothesis, dimension, control_strategy,"
                " treatment_strategy, started_at, created_at, horizon_days)"
                " VALUES (:id, 'T', 'It is better', 'generator', 'C', 'T', :at, :at, :horizon)"
            ),
            {"id": trial, "at": datetime.combine(first, datetime.min.time(), UTC), "horizon": horizon},
        )


def live(
    engine: sa.Engine,
    days: int,
    lift: float = 4.0,
    exposed: bool = True,
    per_day: int = 60,
    trial: UUID = TRIAL,
    first: date = START,
) -> None:
    """Outcomes of so many days, half of them treated, with the exposures that the loop would have written."""
    rng = np.random.default_rng(11)
    outcomes, exposures = [], []
    for day in days_between(first, first + timedelta(days=days - 1)):
        for n in range(per_day):
            treated = n % 2 == 1
            brought = rng.random() < 0.4 * (lift if treated else 1) ** 0.5
            size = max(1, round(float(np.exp(rng.normal(1.5, 1.2)))))
            unit = str(uuid5(trial, f"{day}/{n}"))
            row = {
                "day": day,
                "at": datetime.combine(day, datetime.min.time(), UTC),
                "unit": unit,
                "id": trial,
            }
            variant = "treatment" if treated else "control"
            outcomes.append(row | {"variant": variant, "y": size * brought * (lift**0.5 if treated else 1)})
            exposures.append(row | {"variant": variant})
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO reply_outcomes (day, as_of, decision_id, tweet_id, posted_at, collected_at,"
                " known_at, matured_by, account, slots, generator,"
                " format, posting_hour, experiment_id, experiment_variant, followers_gained)"
                " VALUES (:day, :at, :unit, :unit, :at, :at, :at, 'horizon', 'a', '{}', 'e', 'f',"
                " 'g', :id, :variant, round(CAST(:y AS NUMERIC)))"
            ),
            outcomes,
        )
        if exposed:
            connection.execute(
                sa.text(
                    "INSERT INTO experiment_assignments"
                    " (experiment_id, unit, variant, probability, assigned_at)"
                    " VALUES (:id, :unit, :variant, 0.5, :at)"
                ),
                exposures,
            )


def look(engine: sa.Engine, days: int, now: datetime | None = None) -> None:
    """Fill the first days, each as it closed; or all at the instant `now`."""
    for day in days_between(START, START + timedelta(days=days - 1)):
        closed = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
        for stage in (daily_rollup.STAGE, experiment_results.STAGE):
            instant = now or closed + timedelta(hours=1)
            stage.fill(runtime_at(engine, instant), Window.at(day, instant))


def rows(engine: sa.Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query)))


def tell(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def state(engine: sa.Engine) -> tuple[str, str | None]:
    row = rows(engine, "SELECT status, decision FROM experiments WHERE status <> 'suggested'")[0]
    return row.status, row.decision


def ends(engine: sa.Engine) -> list[Any]:
    return rows(engine, "SELECT * FROM experiment_events WHERE event IN ('decided', 'stopped') ORDER BY at")


def test_a_clear_winner_is_adopted_once_with_its_reason_and_inputs(engine: sa.Engine) -> None:
    begin(engine)
    live(engine, 12)
    look(engine, 12)
    assert state(engine) == ("completed", "adopt")
    (fact,) = ends(engine)
    results = rows(engine, "SELECT * FROM experiment_results ORDER BY day")
    last = results[-1]
    assert fact.event == "decided"
    assert fact.reason == last.reason
    assert fact.inputs["look"] == last.look == len(results) < 12
    assert [row.decision for row in results[:-1]] == ["continue_testing"] * (len(results) - 1)
    assert last.statistic >= last.adopt_bound > 1.6
    assert last.reject_bound < -1.6
    assert last.lift_low_pct < last.shrunk_lift_pct < last.lift_high_pct
    assert last.shrunk_lift_pct >= 20
    assert 0 < last.sequential_p_value < 0.05
    assert last.p_value is not None
    assert last.sample_ratio_p_value > 0.5
    assert (last.rule, last.compared, last.horizon_days) == ("default", "log1p", 60)
    assert last.inputs["control"]["n"] == last.sample_size_control
    sums = last.inputs["treatment"]
    assert sums["sum_y"] / sums["n"] == pytest.approx(last.treatment_avg_followers)


def test_the_horizon_ends_it_inconclusive(engine: sa.Engine) -> None:
    begin(engine, horizon=6)
    live(engine, 8, lift=1)
    look(engine, 8)
    assert state(engine) == ("inconclusive", "continue_testing")
    (fact,) = ends(engine)
    assert fact.event == "decided"
    assert fact.reason.endswith("The planned 6 days are over: inconclusive.")
    assert len(rows(engine, "SELECT * FROM experiment_results")) == 6


def test_one_whose_horizon_passed_while_nobody_looked_ends_too(engine: sa.Engine) -> None:
    begin(engine, horizon=5)
    live(engine, 9, lift=1)
    look(engine, 9, datetime(2026, 3, 10, 1, tzinfo=UTC))
    assert state(engine) == ("inconclusive", "continue_testing")
    assert ends(engine)[0].at == datetime(2026, 3, 10, tzinfo=UTC), (
        "a fact bears the instant at which it became one"
    )
    assert len(rows(engine, "SELECT * FROM experiment_results")) == 5


TAMPERED = {
    "ratio": (
        "UPDATE experiment_assignments SET probability = CASE variant WHEN 'treatment' THEN 0.1 ELSE 0.9 END",
        "Sample ratio mismatch",
    ),
    "twice": (
        "INSERT INTO decision_ledger"
        " (dimension, unit, arm, probability, available, policy_version, as_of, decided_at)"
        " SELECT 'experiment:' || experiment_id, unit, 'treatment', 0.5, '{}', '', assigned_at, assigned_at"
        " FROM experiment_assignments WHERE variant = 'control' ORDER BY unit LIMIT 1",
        "1 unit was exposed to both variants",
    ),
    "other variant": (
        "UPDATE reply_outcomes SET experiment_variant = 'treatment' WHERE decision_id ="
        " (SELECT min(decision_id) FROM reply_outcomes WHERE experiment_variant = 'control')",
        "judged under the one they were not given",
    ),
    "unexposed": (
        "DELETE FROM experiment_assignments WHERE unit IN"
        " (SELECT unit FROM experiment_assignments ORDER BY assigned_at, unit LIMIT 3)",
        "3 units were judged under a variant without having been exposed",
    ),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_tampered_with_is_stopped_and_not_decided(engine: sa.Engine, kind: str) -> None:
    statement, words = TAMPERED[kind]
    begin(engine)
    live(engine, 12)
    tell(engine, statement)
    look(engine, 12)
    assert state(engine) == ("failed", "continue_testing")
    (fact,) = ends(engine)
    assert fact.event == "stopped"
    assert words in fact.reason
    assert (
        rows(engine, "SELECT reason FROM experiment_results ORDER BY day DESC LIMIT 1")[0].reason
        == fact.reason
    )


def test_an_import_without_a_ledger_is_judged_by_its_outcomes(engine: sa.Engine) -> None:
    begin(engine)
    live(engine, 12, exposed=False)
    look(engine, 12)
    assert state(engine) == ("completed", "adopt")


def test_units_that_cannot_be_traced_are_not_held_against_it(engine: sa.Engine) -> None:
    begin(engine)
    live(engine, 12)
    tell(engine, "UPDATE experiment_assignments SET unit = 'mine/' || unit")
    look(engine, 12)
    assert state(engine) == ("completed", "adopt")


def test_what_disagrees_later_is_told_once_and_turns_nothing_back(engine: sa.Engine) -> None:
    begin(engine)
    live(engine, 12)
    look(engine, 12)
    before = ends(engine)
    assert state(engine) == ("completed", "adopt")
    tell(engine, "UPDATE reply_outcomes SET followers_gained = 0 WHERE experiment_variant = 'treatment'")
    for _ in range(2):
        look(engine, 12, datetime(2026, 5, 1, tzinfo=UTC))
    (warning,) = rows(engine, "SELECT * FROM system_events WHERE event_type = 'experiment_disagreement'")
    assert warning.severity == "warning"
    assert "was recorded as adopt" in warning.event_data["message"]
    assert "What was decided stands." in warning.event_data["message"]
    assert state(engine) == ("completed", "adopt")
    assert ends(engine) == before


def test_a_recomputation_that_agrees_says_nothing(engine: sa.Engine) -> None:
    begin(engine)
    live(engine, 12)
    look(engine, 12)
    before = rows(engine, "SELECT * FROM experiment_results ORDER BY day")
    look(engine, 12, datetime(2026, 5, 1, tzinfo=UTC))
    assert rows(engine, "SELECT * FROM experiment_results ORDER BY day") == before
    assert not rows(engine, "SELECT * FROM system_events")


def test_a_batch_says_of_each_day_what_that_day_said_by_itself(engine: sa.Engine) -> None:
    """Two of other days: one is adopted, the other seems broken until it is known that it is not."""
    other, first = uuid5(TRIAL, "other"), date(2026, 3, 4)
    begin(engine)
    live(engine, 14)
    begin(engine, 8, other, first)
    live(engine, 10, lift=1, trial=other, first=first)
    tell(
        engine,
        "UPDATE experiment_assignments SET assigned_at = '2026-03-09 12:00+00' WHERE unit = (SELECT min(unit)"
        f" FROM experiment_assignments WHERE experiment_id = '{other}' AND assigned_at = '2026-03-06')",
    )
    query = "SELECT * FROM experiment_results ORDER BY experiment_id, day"
    now = datetime(2026, 5, 1, tzinfo=UTC)
    look(engine, 14, now)
    alone = rows(engine, query)
    tell(engine, "TRUNCATE experiment_results; DELETE FROM stage_days WHERE stage = 'experiment_results'")
    windows = [Window.at(day, now) for day in days_between(START, START + timedelta(days=13))]
    experiment_results.STAGE.fill_batch(runtime_at(engine, now), windows)
    assert rows(engine, query) == alone
    adopted, broken = ([row for row in alone if row.experiment_id == key] for key in (TRIAL, other))
    assert adopted[-1].decision == "adopt"
    assert adopted[-1].look == len(adopted) < 14
    assert [row.look for row in broken] == [1, 2, 3, 6, 7, 8]
    assert [row.look for row in broken if "without having been exposed" in row.reason] == [3]
    assert "inconclusive" in broken[-1].reason


def test_suggestions_come_from_the_newest_closed_day_within_the_budget(engine: sa.Engine) -> None:
    live(engine, 8, lift=1, exposed=False)
    tell(
        engine,
        "UPDATE reply_outcomes SET generator = 'G' || (CASE WHEN left(md5(decision_id), 1) < 'd' THEN '' ELSE"
        " left(md5(decision_id), 1) END), experiment_id = NULL, experiment_variant = NULL",
    )
    query = "SELECT * FROM experiments ORDER BY created_at, id"
    look(engine, 7, datetime(2026, 5, 1, tzinfo=UTC))
    assert not rows(engine, query), "a past window creates none"
    newest = datetime(2026, 3, 9, 1, tzinfo=UTC)
    for _ in range(2):
        look(engine, 8, newest)
        found = rows(engine, query)
        assert len(found) == 2, "the budget, once"
    assert {row.status for row in found} == {"suggested"}
    assert {row.dimension for row in found} == {"generator"}
    assert all(row.started_at is None for row in found)
    assert "may bring more followers" in found[0].hypothesis
    created = rows(engine, "SELECT * FROM experiment_events")
    assert {row.event for row in created} == {"created"}
    assert all(row.inputs["gain"] >= 0.01 for row in created)
    look(engine, 8, newest + timedelta(days=0))
    tell(engine, "UPDATE experiments SET status = 'inconclusive'")
    look(engine, 8, newest)
    names = [row.treatment_strategy for row in rows(engine, query)]
    assert len(names) == len(set(names)), "what was tried lately is not suggested again"
