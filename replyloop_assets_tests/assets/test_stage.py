"""A range that meets a bad day, a run that is killed, a clock that goes back."""

import dataclasses
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from replyloop_assets.assets import (
    STAGES,
    daily_rollup,
    experiment_results,
    reply_outcomes,
    strategy_allocation,
)
from replyloop_assets.assets.checks import COMPUTED, ERROR, WARN
from replyloop_assets.automation.schedules import FACTS
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.partitions import Window, days_between
from replyloop_assets.warehouse.filling import record_failure
from replyloop_assets.warehouse.open_days import first_open_day
from replyloop_assets_tests.life import (
    ALL_DAYS,
    END,
    LAST,
    fill,
    run_in_dagster,
    runtime_at,
    stage_rows,
)

Checked = tuple[str, str | None]
BAD = ALL_DAYS[40]
FIRST, SHORT = ALL_DAYS[35], days_between(ALL_DAYS[35], ALL_DAYS[45])


def checks(result: dg.ExecuteInProcessResult, severity: dg.AssetCheckSeverity = ERROR) -> dict[Checked, bool]:
    """Of each stage as a whole (None) and each day of it: whether all is well, but for what weighs less."""
    found = {}
    for check in result.get_asset_check_evaluations():
        assert check.check_name == COMPUTED
        weighs = severity is WARN or check.severity is ERROR
        found[check.asset_key.to_user_string(), check.partition] = check.passed or not weighs
    return found


def unsettled(instance: dg.DagsterInstance) -> int:
    """How many checks Dagster planned and will wait for for ever."""
    return sum(
        record.status is AssetCheckExecutionRecordStatus.PLANNED
        for stage in STAGES
        for record in instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(stage.name), COMPUTED), limit=1000
        )
    )


def break_day(engine: sa.Engine, day: date) -> None:
    """From now on no rollup of this day can be written."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"ALTER TABLE daily_rollup ADD CONSTRAINT broken CHECK (day <> '{day}') NOT VALID"
        )


def mend(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE daily_rollup DROP CONSTRAINT broken")


def days_of(engine: sa.Engine, stage: str) -> list[date]:
    query = "SELECT day FROM stage_days WHERE stage = :stage ORDER BY day"
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query), {"stage": stage}).scalars())


def test_a_bad_day_is_named_and_left_and_the_others_go_on(sample_engine: sa.Engine) -> None:
    break_day(sample_engine, BAD)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_in_dagster(sample_engine, END, FIRST, SHORT[-1], instance)
        assert unsettled(instance) == 0
    assert result.success, [
        e.step_failure_data.error.to_string() for e in result.all_events if e.is_step_failure
    ]
    assert days_of(sample_engine, "reply_outcomes") == SHORT
    assert days_of(sample_engine, "daily_rollup") == [day for day in SHORT if day != BAD]
    # every window that holds the bad day waits for it, those before do not
    assert days_of(sample_engine, "strategy_allocation") == [day for day in SHORT if day < BAD]
    found = checks(result)
    assert found["reply_outcomes", None]
    assert not found["daily_rollup", None]
    assert not found["health_status", None]
    told = {day for stage, day in found if stage == "daily_rollup" and day and not found[stage, day]}
    assert told == {str(BAD)}
    waiting = {day for stage, day in found if stage == "health_status" and day and not found[stage, day]}
    assert waiting == {str(day) for day in SHORT if day >= BAD}
    with sample_engine.connect() as connection:
        reasons = connection.execute(
            sa.text("SELECT reason FROM stage_failures WHERE stage = 'health_status' AND day = :day"),
            {"day": SHORT[-1]},
        ).scalar_one()
        events = connection.execute(
            sa.text(
                "SELECT count(*) FROM system_events WHERE event_type = 'stage_failure' AND severity = 'error'"
            )
        ).scalar_one()
    assert reasons == f"waits for daily_rollup of {BAD}, which could not be computed"
    assert events

    mend(sample_engine)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_in_dagster(sample_engine, END, FIRST, SHORT[-1], instance)
    assert all(checks(result).values())
    with sample_engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM stage_failures")).scalar_one() == 0
    assert days_of(sample_engine, "health_status") == SHORT


def test_a_stage_without_a_single_good_day_fails_its_check_and_stops_no_other(
    sample_engine: sa.Engine,
) -> None:
    with sample_engine.begin() as connection:
        broken = "ALTER TABLE generator_preferences_history ADD CONSTRAINT broken CHECK (FALSE)"
        connection.exec_driver_sql(broken)
    # health reads the looks, and is stopped by none that failed
    record_failure(sample_engine, "experiment_results", SHORT[0], "no look")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_in_dagster(sample_engine, END, BAD, BAD, instance)
    found = checks(result)
    assert {stage for (stage, _), well in found.items() if not well} == {"generator_preferences"}
    assert days_of(sample_engine, "health_status") == [BAD]


def test_a_closed_day_whose_recomputation_failed_is_open_again(sample_engine: sa.Engine) -> None:
    fill(sample_engine, END, SHORT)
    assert open_from(sample_engine) == SHORT[-1]
    break_day(sample_engine, BAD)
    with dg.DagsterInstance.ephemeral() as instance:
        run_in_dagster(sample_engine, END, BAD, BAD, instance)
    assert open_from(sample_engine) == BAD
    with sample_engine.connect() as connection:
        events = connection.execute(
            sa.text("SELECT count(*) FROM system_events WHERE event_type = 'stage_failure'")
        ).scalar_one()
    assert events == 1  # the stages that wait for it are no events of their own


def open_from(engine: sa.Engine) -> date:
    reads = {stage.name: stage.reads for stage in STAGES}
    return first_open_day(engine, reads, SHORT[0], SHORT[-1])


def test_a_window_filled_before_its_facts_is_open_again(sample_engine: sa.Engine) -> None:
    fill(sample_engine, END, SHORT, [stage for stage in STAGES if stage not in FACTS])
    fill(sample_engine, END, SHORT, FACTS)
    assert open_from(sample_engine) == SHORT[0]
    fill(sample_engine, END, SHORT)
    assert open_from(sample_engine) == SHORT[-1]


def test_odd_rows_take_no_day_down(sample_engine: sa.Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE reply_opportunities SET search_query = repeat('x', 6000);"
            "UPDATE tweet_metrics SET impressions = 9000000000000000000, followers_gained = -9000000000"
            " WHERE left(md5(tweet_id), 1) = 'a';"
            "UPDATE content_metadata SET generator_name = repeat('y', 6000)"
            " WHERE left(md5(tweet_id), 1) = 'b'"
        )
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_in_dagster(sample_engine, END, SHORT[0], SHORT[-1], instance)
    assert all(checks(result).values())


def test_a_window_without_evidence_leaves_the_live_allocation(sample_engine: sa.Engine) -> None:
    now = END - timedelta(hours=3)
    fill(sample_engine, now, ALL_DAYS, FACTS)
    fill(
        sample_engine, now, [LAST], [stage for stage in STAGES if stage not in FACTS]
    )  # what moves live rows
    quiet = END + timedelta(days=50)
    fill(sample_engine, quiet, [quiet.date()])
    query = "SELECT strategy_type, sum(probability) FROM strategy_allocation GROUP BY 1"
    with sample_engine.connect() as connection:
        sums = {row[0]: row[1] for row in connection.execute(sa.text(query))}
    assert len(sums) == 7
    assert all(total == pytest.approx(1) for total in sums.values())


def test_an_experiment_is_not_judged_on_a_part_of_its_days(sample_engine: sa.Engine) -> None:
    last = ALL_DAYS[60]
    judged = [*FACTS, experiment_results.STAGE]
    fill(sample_engine, END, days_between(ALL_DAYS[50], last), judged)
    assert not stage_rows(sample_engine)["experiment_results"]
    fill(sample_engine, END, days_between(ALL_DAYS[20], last), judged)
    assert stage_rows(sample_engine)["experiment_results"]


def test_a_killed_computation_leaves_the_day_as_it_was(sample_engine: sa.Engine) -> None:
    fill(sample_engine, END, SHORT)
    before = stage_rows(sample_engine)

    def killed(*arguments: object) -> list[int]:
        strategy_allocation.STAGE.compute(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    stage = dataclasses.replace(strategy_allocation.STAGE, compute=killed)
    with pytest.raises(KeyboardInterrupt):
        stage.fill(runtime_at(sample_engine, END), Window.at(SHORT[-1], END))
    assert stage_rows(sample_engine) == before


def test_an_older_as_of_never_replaces_a_newer(sample_engine: sa.Engine) -> None:
    noon = END - timedelta(hours=12)
    late, early = Window.at(LAST, noon), Window.at(LAST, noon - timedelta(hours=6))
    runtime = runtime_at(sample_engine, noon)
    assert reply_outcomes.STAGE.fill(runtime, late)
    assert reply_outcomes.STAGE.fill(runtime, early) is None
    with sample_engine.connect() as connection:
        stored = sa.text("SELECT as_of, closed FROM stage_days WHERE stage = 'reply_outcomes'")
        assert tuple(connection.execute(stored).one()) == (noon, False)


def test_a_short_window_says_how_many_days_it_holds(sample_engine: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        found = checks(run_in_dagster(sample_engine, END, SHORT[-3], SHORT[-1], instance), WARN)
        assert not any(found["health_status", day] for day in (None, *map(str, SHORT[-3:])))
        assert found["daily_rollup", None]
        found = checks(run_in_dagster(sample_engine, END, ALL_DAYS[0], ALL_DAYS[4], instance), WARN)
        assert found["health_status", None]  # the history is not longer
    with sample_engine.connect() as connection:
        query = sa.text("SELECT days_held FROM health_status WHERE day = :day")
        assert connection.execute(query, {"day": SHORT[-1]}).scalar_one() == 3


def test_on_an_empty_database_every_stage_runs_and_writes_nothing(engine: sa.Engine) -> None:
    now = datetime(2026, 3, 2, 5, tzinfo=UTC)
    fill(engine, now, days_between(date(2026, 2, 1), date(2026, 3, 2)))
    assert not any(stage_rows(engine).values())
    assert days_of(engine, daily_rollup.STAGE.name) == days_between(date(2026, 2, 1), date(2026, 3, 2))


def test_a_day_to_come_is_refused() -> None:
    with pytest.raises(ReplyloopError, match="has not begun"):
        Window.at(date(2026, 3, 3), datetime(2026, 3, 2, 23, 59, tzinfo=UTC))


def test_late_rows_come_in_with_the_day_filled_again(sample_engine: sa.Engine) -> None:
    """Order of arrival does not matter: the late reply's day and the windows over it come out alike."""
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE kept AS SELECT * FROM tweet_metrics WHERE left(md5(tweet_id), 1) = 'a'"
        )
        connection.exec_driver_sql("DELETE FROM tweet_metrics WHERE left(md5(tweet_id), 1) = 'a'")
    fill(sample_engine, END, SHORT)
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO tweet_metrics SELECT * FROM kept")
    without = stage_rows(sample_engine)
    fill(sample_engine, END, SHORT)
    late = stage_rows(sample_engine)
    assert late != without
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE stage_days, reply_outcomes, daily_rollup, outcomes")
    fill(sample_engine, END, SHORT)
    assert stage_rows(sample_engine) == late
