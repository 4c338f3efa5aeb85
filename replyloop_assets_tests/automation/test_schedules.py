from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.assets.stage import Runtime, Stage
from replyloop_assets.automation.backfill import plan_backfill
from replyloop_assets.automation.schedules import CADENCES, FACTS, open_range, schedule_for, switched_on
from replyloop_assets.definitions import defs
from replyloop_assets.partitions import days_between
from replyloop_assets.settings import Features
from replyloop_assets_tests.life import ALL_DAYS, END, FIRST, fill, load_life, runtime_at

CHAIN = next(cadence for cadence in CADENCES if cadence.name == "chain")
LOOKS = next(cadence for cadence in CADENCES if cadence.name == "experiments")
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


def test_a_turn_asks_for_the_days_not_yet_closed_up_to_the_running_day(
    sample_engine: sa.Engine, closed_engine: sa.Engine
) -> None:
    now = END + timedelta(hours=6)
    turn = schedule_for(CHAIN, list(CHAIN.stages))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=now, resources={"runtime": runtime_at(sample_engine, now)}
        )
        request = turn(context)
    assert isinstance(request, dg.RunRequest)
    assert request.tags == {
        "dagster/asset_partition_range_start": str(FIRST),
        "dagster/asset_partition_range_end": str(END.date()),
    }
    fill(closed_engine, now, [END.date()])
    assert open_range(runtime_at(closed_engine, now), STAGES) == (str(END.date()), str(END.date()))
    tomorrow = now + timedelta(days=1)
    assert open_range(runtime_at(closed_engine, tomorrow), STAGES) == (str(END.date()), str(tomorrow.date()))


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
    # the experiments' 60 days of rollups, and the week in which a reply's post was found
    of_sixty = without(runtime, generator_choice=False, allocation=False, health=False)
    plan = plan_backfill(of_sixty, ALL_DAYS[80], ALL_DAYS[85])
    assert (plan.widened_from, plan.behind) == (ALL_DAYS[80 - 59 - 6], FACTS)
    plan = plan_backfill(runtime, ALL_DAYS[80], ALL_DAYS[85])
    assert plan.widened_from == FIRST
    # health holds the looks of many days, so that they are filled too
    assert [stage.name for stage in plan.behind if stage not in FACTS] == ["experiment_results"]
    assert plan_backfill(without(runtime, experiments=False), ALL_DAYS[80], ALL_DAYS[85]).behind == FACTS
    assert plan_backfill(runtime, ALL_DAYS[10], ALL_DAYS[12]).widened_from == FIRST
    fill(engine, END, days_between(FIRST, ALL_DAYS[9]), plan.behind)
    assert plan_backfill(runtime, ALL_DAYS[10], ALL_DAYS[12]).widened_from == ALL_DAYS[10]


def without(runtime: Runtime, **features: bool) -> Runtime:
    off = runtime.settings.model_copy(update={"features": Features(**features)})
    return replace(runtime, settings=off)


def test_what_a_stage_that_is_off_left_open_keeps_no_other_open(engine: sa.Engine) -> None:
    load_life(engine)
    day = ALL_DAYS[3]
    fill(engine, END, ALL_DAYS[:5])
    with engine.begin() as connection:
        left = "UPDATE stage_days SET closed = FALSE WHERE stage = 'experiment_results' AND day = :day"
        connection.execute(sa.text(left), {"day": day})
    now = datetime.combine(ALL_DAYS[5], datetime.min.time(), UTC)
    runtime, on = runtime_at(engine, now), [stage for stage in STAGES if stage.name != "experiment_results"]
    assert open_range(runtime, on)[0] == str(day)
    assert open_range(without(runtime, experiments=False), on)[0] == str(ALL_DAYS[5])


def test_the_look_at_the_experiments_closes_what_the_chain_left_open(engine: sa.Engine) -> None:
    """Health reads the look that comes after the chain: from then on its day is settled."""
    load_life(engine)
    midnight = datetime.combine(ALL_DAYS[4], datetime.min.time(), UTC)
    chain, looks = CHAIN.stages, LOOKS.stages
    fill(engine, midnight, ALL_DAYS[:5], chain)
    fill(engine, midnight + timedelta(minutes=20), ALL_DAYS[:5], looks)
    for day in (5, 6):
        now = midnight + timedelta(days=day - 4)
        turn(engine, now, chain)
        assert open_range(runtime_at(engine, now + timedelta(minutes=20)), looks)[0] == str(ALL_DAYS[day - 1])
        turn(engine, now + timedelta(minutes=20), looks)
        later = runtime_at(engine, now + timedelta(hours=6))
        assert open_range(later, chain)[0] == open_range(later, looks)[0] == str(ALL_DAYS[day])


def turn(engine: sa.Engine, now: datetime, stages: Sequence[Stage]) -> None:
    """What a schedule fills at an instant."""
    first, last = map(date.fromisoformat, open_range(runtime_at(engine, now), stages))
    fill(engine, now, days_between(first, last), stages)
