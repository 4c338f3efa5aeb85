from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import sqlalchemy as sa

from replyloop_assets.automation.sensors import EVER, late_facts_sensor, run_failure_to_system_events
from replyloop_assets.warehouse.open_days import reopen_late_days
from replyloop_assets_tests.life import ALL_DAYS, END, fill, runtime_at, stage_rows

LATER = END + timedelta(days=1)


def evaluate(
    engine: sa.Engine, instance: dg.DagsterInstance, cursor: str | None
) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(
        instance, cursor=cursor, resources={"runtime": runtime_at(engine, LATER)}
    )
    answer = late_facts_sensor(context)
    evaluate.cursor = context.cursor
    return answer


def closed(engine: sa.Engine, stage: str) -> int:
    query = "SELECT count(*) FROM stage_days WHERE closed AND stage = :stage"
    with engine.connect() as connection:
        return int(connection.execute(sa.text(query), {"stage": stage}).scalar_one())


def test_a_late_snapshot_opens_its_day_and_every_window_that_holds_it(closed_engine: sa.Engine) -> None:
    day = ALL_DAYS[30]
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(evaluate(closed_engine, instance, None), dg.SkipReason)
        with closed_engine.begin() as connection:
            moved = connection.execute(
                sa.text("""
                    INSERT INTO tweet_metrics (tweet_id, collected_at, source, followers_gained)
                    SELECT tweet_id, posted_at + INTERVAL '24 hours', 'bot', 999
                    FROM reply_outcomes WHERE day = :day AND matured_by = 'horizon' LIMIT 1
                    RETURNING (collected_at AT TIME ZONE 'UTC')::DATE
                """),
                {"day": day},
            ).scalar_one()
        answer = evaluate(closed_engine, instance, evaluate.cursor)
        assert isinstance(answer, dg.SensorResult)
        (request,) = answer.run_requests or []
        assert request.tags["dagster/asset_partition_range_start"] == str(moved)
        assert request.tags["dagster/asset_partition_range_end"] == str(ALL_DAYS[-1])
        assert isinstance(evaluate(closed_engine, instance, evaluate.cursor), dg.SkipReason)
    assert closed(closed_engine, "daily_rollup") >= len(ALL_DAYS) - 3
    assert len(ALL_DAYS) - 33 <= closed(closed_engine, "reply_performance_analytics") <= len(ALL_DAYS) - 30

    fill(closed_engine, LATER, [d for d in ALL_DAYS if d >= moved])
    once = stage_rows(closed_engine)
    # the days asked for rest on these alone: as these stay, so would they
    fill(closed_engine, LATER, [d for d in ALL_DAYS if d < moved])
    assert stage_rows(closed_engine) == once
    assert closed(closed_engine, "health_status") == len(ALL_DAYS)


def test_a_late_reply_and_a_late_snapshot_open_the_day_on_which_they_end_a_silence(
    closed_engine: sa.Engine,
) -> None:
    noon = datetime.combine(ALL_DAYS[30], time(12), UTC)
    late = {
        "INSERT INTO content_metadata (decision_id, tweet_id, posted_at) VALUES ('late', 'late', :at)": noon,
        "INSERT INTO tweet_metrics (tweet_id, collected_at) VALUES ('nobody''s', :at)": noon
        - timedelta(days=2),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        evaluate(closed_engine, instance, None)
        for told, at in late.items():
            with closed_engine.begin() as connection:
                connection.execute(sa.text(told), {"at": at})
            answer = evaluate(closed_engine, instance, evaluate.cursor)
            assert isinstance(answer, dg.SensorResult)
            (request,) = answer.run_requests or []
            assert request.tags["dagster/asset_partition_range_start"] == str(at.date())
    fill(closed_engine, LATER, ALL_DAYS[28:])
    refilled = stage_rows(closed_engine)
    fill(closed_engine, LATER, ALL_DAYS[:28])  # on which the others rest
    assert stage_rows(closed_engine) == refilled


def test_a_snapshot_from_after_grace_opens_nothing(closed_engine: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        evaluate(closed_engine, instance, None)
        with closed_engine.begin() as connection:
            connection.exec_driver_sql("""
                INSERT INTO tweet_metrics (tweet_id, collected_at, source, followers_gained)
                SELECT tweet_id, posted_at + INTERVAL '72 hours', 'bot', 5 FROM content_metadata
            """)
        assert isinstance(evaluate(closed_engine, instance, evaluate.cursor), dg.SkipReason)


def test_a_lost_cursor_asks_for_nothing_twice(closed_engine: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            assert isinstance(evaluate(closed_engine, instance, None), dg.SkipReason)


def test_small_looks_one_after_another_open_what_a_whole_one_opens(closed_engine: sa.Engine) -> None:
    reach = {"reply_outcomes": 1, "daily_rollup": 1, "classified_opportunities": 1}

    def look(since: datetime, most: int) -> tuple[date | None, date | None, datetime]:
        return reopen_late_days(
            closed_engine, since, reach, timedelta(hours=24), timedelta(hours=24), most=most
        )

    def opened() -> set[tuple[str, date]]:
        with closed_engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT stage, day FROM stage_days WHERE NOT closed")
            return {(row.stage, row.day) for row in rows}

    assert look(EVER, 1) == (None, None, EVER)  # what was recorded before the days were computed is not late
    with closed_engine.begin() as connection:
        connection.exec_driver_sql("""
            INSERT INTO tweet_metrics (tweet_id, collected_at, source, followers_gained, recorded_at)
            SELECT
                tweet_id, posted_at + INTERVAL '24 hours', 'bot', 9,
                clock_timestamp() + place / 3 * INTERVAL '1 s'
            FROM (
                SELECT *, row_number() OVER (ORDER BY tweet_id) AS place FROM own_posts LIMIT 20
            ) AS post;
            INSERT INTO reply_opportunities (tweet_id, target_username, discovered_at, recorded_at)
            SELECT 'late ' || place, 'someone', discovered_at, clock_timestamp() + place * INTERVAL '1 s'
            FROM (
                SELECT discovered_at, row_number() OVER (ORDER BY discovered_at DESC) AS place
                FROM found_posts LIMIT 9
            ) AS post
        """)
    first, _, newest = look(EVER, 1_000_000)
    whole = opened()
    assert first is not None
    assert len(whole) > 9
    assert look(newest, 1) == (None, None, newest)

    with closed_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE stage_days SET closed = TRUE")
    looks, since = [], EVER
    while since < newest:
        before = opened()
        *days, since = look(since, 2)
        looks.append(opened() - before)
        assert (days == [None, None]) == (not looks[-1])
    assert set.union(*looks) == whole
    assert 6 < len(looks) < 29
    assert max(map(len, looks)) < len(whole)
    assert look(since, 2) == (None, None, newest)

    with closed_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE stage_days SET closed = FALSE")
    assert look(EVER, 2) == (None, None, EVER)  # a day that closes now may yet be too early for all of them


def test_a_failed_run_is_recorded_once_with_its_cause(engine: sa.Engine) -> None:
    @dg.op
    def broken() -> None:
        raise ValueError("the cause of it")

    @dg.job
    def broken_job() -> None:
        broken()

    with dg.DagsterInstance.ephemeral() as instance:
        result = broken_job.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            sensor_name="run_failure_to_system_events",
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"runtime": runtime_at(engine, LATER)},
        ).for_run_failure()
        run_failure_to_system_events(context)
        run_failure_to_system_events(context)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT severity, event_data FROM system_events WHERE event_type = 'run_failure'")
        ).all()
    assert [tuple(row) for row in rows] == [
        (
            "error",
            {"component": "broken_job", "run_id": result.run_id, "message": "ValueError: the cause of it"},
        )
    ]
