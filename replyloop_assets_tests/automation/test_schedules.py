from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.automation.backfill import plan_backfill
from replyloop_assets.automation.schedules import CADENCES, FACTS, open_range, schedule_for, switched_on
from replyloop_assets.definitions import defs
from replyloop_assets.partitions import days_between
from replyloop_assets.settings import Features
from replyloop_assets_tests.life import ALL_DAYS, END, FIRST, fill, load_life, runtime_at

CHAIN = next(cadence for cadence in CADENCES if cadence.name == "chain")
ERRORS = next(cadence for cadence in CADENCES if cadence.name == "errors")


def test_the_cadences_are_the_designs() -> None:
    """design.md, Automation: outcomes every 10 minutes, the chain every 6 hours, experiments daily; UTC.

    Errors every 6 hours, offset 120 minutes.
    """
    repository = defs.get_repository_def()
    found = {schedule.name: schedule for schedule in repository.schedule_defs}
    assert {name: schedule.cron_schedule for name, schedule in found.items()} == {
        "outcomes_schedule": "*/10 * * * *",
        "chain_schedule": "0 */6 * * *",
        "experiments_schedule": "20 0 * * *",
        "errors_schedule": "0 2-23/6 * * *",
    }
    assert {schedule.execution_timezone for schedule in found.values()} == {"UTC"}
    assert all(s.default_status is dg.DefaultScheduleStatus.RUNNING for s in found.values())


def test_a_turn_asks_for_the_days_not_yet_closed_up_to_the_running_day(engine: sa.Engine) -> None:
    load_life(engine)
    now = END + timedelta(hours=6)
    turn = schedule_for(CHAIN, list(CHAIN.stages))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=now, resources={"runtime": runtime_at(engine, now)}
        )
        request = turn(context)
    assert isinstance(request, dg.RunRequest)
    assert request.tags == {
        "dagster/asset_partition_range_start": str(FIRST),
        "dagster/asset_partition_range_end": str(END.date()),
    }
    fill(engine, now, [*ALL_DAYS, END.date()])
    assert open_range(runtime_at(engine, now), STAGES) == (str(END.date()), str(END.date()))
    tomorrow = now + timedelta(days=1)
    assert open_range(runtime_at(engine, tomorrow), STAGES) == (str(END.date()), str(tomorrow.date()))


def test_the_chain_turns_without_the_error_analysis() -> None:
    assert "error_analysis" not in {stage.name for stage in CHAIN.stages}
    assert [stage.name for stage in ERRORS.stages] == ["error_analysis"]


def test_a_turn_on_an_empty_database_asks_for_the_running_day(engine: sa.Engine) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert open_range(runtime_at(engine, now), STAGES) == ("2026-05-01", "2026-05-01")


def test_facts_from_before_the_history_start_ask_for_no_day_before_it(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO reply_opportunities (discovered_at) VALUES ('2019-01-01')")
    now = datetime(2025, 1, 3, 12, tzinfo=UTC)
    assert open_range(runtime_at(engine, now), STAGES) == ("2025-01-01", "2025-01-03")


def test_a_component_switched_off_is_not_scheduled() -> None:
    without = switched_on(
        STAGES,
        Features(
            generator_choice=False,
            allocation=False,
            adaptive_plan=False,
            experiments=False,
            health=False,
            error_analysis=False,
        ),
    )
    assert [stage.name for stage in without] == [
        "classified_opportunities",
        "reply_outcomes",
        "daily_rollup",
        "reply_performance_analytics",
    ]
    assert switched_on(STAGES, Features()) == list(STAGES)


def test_a_backfill_is_widened_by_the_longest_window_but_not_before_the_first_fact(engine: sa.Engine) -> None:
    load_life(engine)
    runtime = runtime_at(engine, END + timedelta(days=1))
    short = Features(generator_choice=False, allocation=False, health=False)  # 60 days: the experiments'
    of_sixty = replace(runtime, settings=runtime.settings.model_copy(update={"features": short}))
    assert plan_backfill(of_sixty, ALL_DAYS[80], ALL_DAYS[85]).widened_from == ALL_DAYS[80 - 59]
    assert plan_backfill(runtime, ALL_DAYS[80], ALL_DAYS[85]).widened_from == FIRST
    assert plan_backfill(runtime, ALL_DAYS[10], ALL_DAYS[12]).widened_from == FIRST
    fill(engine, END, days_between(FIRST, ALL_DAYS[9]), FACTS)
    assert plan_backfill(runtime, ALL_DAYS[10], ALL_DAYS[12]).widened_from == ALL_DAYS[10]
