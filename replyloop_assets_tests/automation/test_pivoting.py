"""The sensor that triggers pivots: what it asks for, when it asks again, and when it has nothing to say."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from replyloop_assets import clock
from replyloop_assets.assets import ASSETS
from replyloop_assets.assets.pivots import move_pivot
from replyloop_assets.automation.pivoting import (
    DUE_TAG,
    LOST_AFTER,
    PIVOT_JOB,
    REACT_JOB,
    REACTING,
    on_its_way,
    pivot_sensor,
)
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.assets.test_pivots import NOW, judged, recovered, rows
from replyloop_assets_tests.life import runtime_at

Answer = dg.RunRequest | dg.SkipReason
EPISODE = (NOW - timedelta(days=5)).isoformat()
STATUS = dg.DagsterRunStatus


def tick(engine: sa.Engine, instance: dg.DagsterInstance, now: datetime = NOW) -> Answer:
    context = dg.build_sensor_context(instance, resources={"runtime": runtime_at(engine, now)})
    answer = pivot_sensor(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


@dg.job(name=PIVOT_JOB.name)
def some_job() -> None:
    """Stands for the pivot's."""


def ran(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, due: str = f"open/{EPISODE}") -> None:
    instance.create_run_for_job(some_job, status=status, tags={DUE_TAG: due})


def newest(instance: dg.DagsterInstance) -> dg.RunRecord:
    """The last run, with the instants that Dagster gave it: the machine's, however long this takes."""
    return instance.get_run_records(limit=1)[0]


def decided(engine: sa.Engine, as_of: datetime) -> None:
    """The live decisions are of this instant."""
    with engine.begin() as connection:
        for stage in REACTING:
            connection.execute(
                sa.text(
                    "INSERT INTO stage_days (stage, day, as_of, closed, row_count, days_held) "
                    "VALUES (:stage, :day, :as_of, FALSE, 1, 1) "
                    "ON CONFLICT (stage, day) DO UPDATE SET as_of = excluded.as_of"
                ),
                {"stage": stage.name, "day": as_of.date(), "as_of": as_of},
            )


def test_it_asks_for_one_run_and_waits_while_that_is_on_its_way(engine: sa.Engine) -> None:
    now = datetime.now(UTC)
    judged(engine, now, episode=NOW - timedelta(days=5))
    with dg.DagsterInstance.ephemeral() as instance:
        answer = tick(engine, instance, now)
        assert isinstance(answer, dg.RunRequest)
        assert (answer.job_name, answer.run_key) == ("pivot", f"open/{EPISODE}/0")
        for status in (STATUS.NOT_STARTED, STATUS.STARTED):
            ran(instance, status)
            assert isinstance(tick(engine, instance, now), dg.SkipReason)
            instance.wipe()
        # a run that has shown no sign of life for long is lost, one in the queue is not
        ran(instance, STATUS.STARTED)
        later = newest(instance).update_timestamp + LOST_AFTER
        answer = tick(engine, instance, later)
        assert isinstance(answer, dg.RunRequest)
        assert answer.run_key == f"open/{EPISODE}/1"


def test_a_run_in_the_queue_is_not_lost_however_long_it_waits() -> None:
    run = SimpleNamespace(status=STATUS.QUEUED, is_finished=False)
    record: Any = SimpleNamespace(dagster_run=run, update_timestamp=NOW - timedelta(days=1))
    assert on_its_way(record, NOW)
    run.status = STATUS.STARTED
    assert not on_its_way(record, NOW)


def test_a_run_that_failed_is_asked_for_again_later_each_time(engine: sa.Engine) -> None:
    judged(engine, datetime.now(UTC), episode=NOW - timedelta(days=5))
    with dg.DagsterInstance.ephemeral() as instance:
        for attempt, wait in enumerate((1, 2, 4, 8), start=1):
            ran(instance, STATUS.FAILURE)
            due = newest(instance).create_timestamp + timedelta(minutes=wait)
            early = tick(engine, instance, due - timedelta(seconds=1))
            assert isinstance(early, dg.SkipReason)
            assert f"Tried {attempt} times" in (early.skip_message or "")
            answer = tick(engine, instance, due)
            assert isinstance(answer, dg.RunRequest)
            assert answer.run_key == f"open/{EPISODE}/{attempt}"


def test_what_a_pivot_changes_is_decided_anew_once(engine: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        decided(engine, NOW - timedelta(hours=1))
        judged(engine)
        move_pivot(engine, lambda: NOW, load_settings())
        answer = tick(engine, instance, NOW + timedelta(minutes=1))
        assert isinstance(answer, dg.RunRequest)
        assert answer.job_name == REACT_JOB.name
        assert answer.run_key == f"react/{NOW.isoformat()}/0"
        assert answer.tags["dagster/asset_partition_range_start"] == str(NOW.date())
        decided(engine, NOW)  # an as-of that does not know of it yet
        assert isinstance(tick(engine, instance, NOW + timedelta(minutes=1)), dg.RunRequest)
        decided(engine, NOW + timedelta(minutes=1))
        skipped = tick(engine, instance, NOW + timedelta(minutes=2))
        assert isinstance(skipped, dg.SkipReason)
        assert skipped.skip_message == "A pivot is open, for at least 14 days."

        end = NOW + timedelta(days=20)
        recovered(engine, end)
        decided(engine, end)
        closing = tick(engine, instance, end)
        assert isinstance(closing, dg.RunRequest)
        assert closing.run_key == f"close/{NOW.isoformat()}/0"


def test_before_the_chain_has_turned_on_a_day_nothing_is_decided_anew(engine: sa.Engine) -> None:
    """A moment before midnight it pivots: the new day's decisions need the new day's analytics."""
    last = NOW.replace(hour=23, minute=59)
    with dg.DagsterInstance.ephemeral() as instance:
        decided(engine, NOW)
        judged(engine)
        move_pivot(engine, lambda: last, load_settings())
        early = last + timedelta(minutes=2)
        assert isinstance(tick(engine, instance, early), dg.SkipReason)
        decided(engine, last + timedelta(minutes=1, seconds=30))
        assert isinstance(tick(engine, instance, early), dg.SkipReason)  # it knew


def test_with_nothing_computed_there_is_nothing_to_ask(engine: sa.Engine) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        skipped = tick(engine, instance)
        assert isinstance(skipped, dg.SkipReason)
        judged(engine, NOW - timedelta(days=9))
        assert isinstance(tick(engine, instance), dg.SkipReason)


@pytest.mark.parametrize("times", [1, 2])
def test_the_asset_says_what_it_did(engine: sa.Engine, times: int) -> None:
    now = clock.now()  # the asset asks it, too: midnight may pass in between
    judged(engine, now, episode=now - timedelta(days=5))
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(times):
            result = dg.materialize(
                ASSETS,
                selection=dg.AssetSelection.assets("pivots"),
                instance=instance,
                resources={"runtime": runtime_at(engine, now)},
            )
    (event,) = result.asset_materializations_for_node("pivots")
    assert event.metadata["move"].value == ("open" if times == 1 else "none")
    assert len(rows(engine, "SELECT * FROM pivots")) == 1
