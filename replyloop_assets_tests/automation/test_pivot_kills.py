"""Whatever is killed and whenever, an episode ends with exactly one pivot: real daemons, real kills."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from replyloop_assets import clock
from replyloop_assets.automation.instance import instance_environment
from replyloop_assets.automation.pivoting import PIVOT_JOB
from replyloop_assets.automation.serving import session_of
from replyloop_assets.postgres.server import Server
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.databases import Databases, ensure_database
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets_tests.assets.test_pivots import VERDICT
from replyloop_assets_tests.commands import PATIENCE_S, wait_for

LOCATION = "replyloop_assets_tests.automation.pivot_location"
LOOKS = 2  # of the sensor, in which nothing may happen
ARMS = sa.text("""
    INSERT INTO daily_rollup (day, as_of, dimension, value, metric, reply_count, n, positives, successes,
        sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts)
    SELECT CAST(:today AS DATE) - n, now(), arm.dimension, arm.value, 'followers_gained', 50, 50, 20, 0,
        arm.y * 20, arm.y * arm.y * 20, 0, 0, 20 * ln(arm.y), 20 * ln(arm.y) ^ 2, '{}', '{}'
    FROM generate_series(0, 5) AS n
    CROSS JOIN (
        VALUES ('all', 'all', 4), ('generator', 'A', 3), ('generator', 'B', 5)
    ) AS arm (dimension, value, y)
""")


@dataclass
class Place:
    """A database with a verdict that warrants a pivot, and a Dagster instance of its own."""

    engine: sa.Engine
    storage: sa.Engine
    environment: dict[str, str]
    home: Path
    daemons: int = 0

    def count(self, table: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())

    def statuses(self) -> list[str]:
        """How the pivot's runs stand, the newest first."""
        with dg.DagsterInstance.from_config(self.environment["DAGSTER_HOME"]) as instance:
            return [run.status.value for run in instance.get_runs(dg.RunsFilter(job_name=PIVOT_JOB.name))]

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        """A Dagster daemon with its code server, in a session of their own; in the end none of it lives."""
        self.daemons += 1
        with (self.home / f"daemon-{self.daemons}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dagster._daemon", "run", "-m", LOCATION],
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            kill_session(process)

    def ticks(self) -> int:
        """How often the sensor has looked and found nothing to do."""
        with self.storage.connect() as connection:
            query = "SELECT count(*) FROM job_ticks WHERE status = 'SKIPPED' AND type = 'SENSOR'"
            return int(connection.execute(sa.text(query)).scalar_one())

    def was_killed_long_ago(self) -> None:
        """All was killed just now: as if an hour had passed since, what was under way counts as lost."""
        with self.storage.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE runs SET update_timestamp = update_timestamp - INTERVAL '1 hour'"
            )

    def finds_nothing(self) -> None:
        """The sensor looks some times more, and launches nothing."""
        runs, before = self.statuses(), self.ticks()
        wait_for(lambda: self.ticks() >= before + LOOKS)
        assert self.statuses() == runs

    def settled(self) -> None:
        """One pivot with its experiment and its alert, and no other in the ticks to come."""
        wait_for(lambda: self.count("pivots") == 1)
        wait_for(lambda: self.statuses()[:1] == ["SUCCESS"])
        self.finds_nothing()
        counts = {table: self.count(table) for table in ("pivots", "experiments")}
        assert counts == {"pivots": 1, "experiments": 1}
        assert self.count("system_events WHERE event_type = 'replyloop_alert'") == 1


def members(leader: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [one for one in psutil.process_iter() if session_of(one) == leader.pid]


def kill_session(leader: subprocess.Popen[bytes]) -> None:
    """All of it at once, as when a machine fails."""
    family = members(leader)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=PATIENCE_S)
    leader.wait(timeout=PATIENCE_S)


@pytest.fixture
def place(
    engine: sa.Engine, server: Server, maintenance: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    url = SecretStr(server.url(str(engine.url.database)))
    databases = Databases.from_settings(load_settings().model_copy(update={"database_url": url}))
    ensure_database(databases.dagster)
    environment = instance_environment(databases, tmp_path)
    file = Path(environment["DAGSTER_HOME"]) / "dagster.yaml"
    file.write_text(
        file.read_text().replace("  enabled: true\n", "  enabled: true\n  poll_interval_seconds: 2\n", 1)
    )
    monkeypatch.setenv("REPLYLOOP_DAGSTER_URL", environment["REPLYLOOP_DAGSTER_URL"])
    storage = create_engine(databases.dagster)
    place = Place(engine, storage, environment | {"REPLYLOOP_HOME": str(tmp_path)}, tmp_path)
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]):
        pass  # its tables, before two daemons create them at once
    with engine.begin() as connection:
        connection.execute(ARMS, {"today": clock.now().date()})
    yield place
    storage.dispose()
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {engine.url.database}_dagster WITH (FORCE)")


def degraded(place: Place, days_ago: int = 0, **values: Any) -> None:
    """A window of health: a drop that is sure, unless told otherwise."""
    now = clock.now() - timedelta(days=days_ago)
    verdict: dict[str, Any] = {
        "day": now.date(), "status": "degraded", "warranted": True, "rule": "default", "degradation": 0.4,
        "episode": now - timedelta(days=5), "diagnosis": "[]",
    }  # fmt: skip
    with place.engine.begin() as connection:
        connection.execute(VERDICT, verdict | values)


@contextmanager
def held_up(place: Place) -> Iterator[None]:
    """The run waits half way: its pivot is written, not committed, and its experiment waits for this."""
    with place.engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE experiment_events IN EXCLUSIVE MODE")
        yield


def waits_half_way(place: Place) -> bool:
    return place.count("pg_locks WHERE locktype = 'relation' AND NOT granted") > 0


def test_a_cursor_or_the_whole_storage_is_lost(place: Place) -> None:
    degraded(place)
    with place.daemon():
        place.settled()
    with dg.DagsterInstance.from_config(place.environment["DAGSTER_HOME"]) as instance:
        instance.wipe()
        instance.schedule_storage.wipe()  # type: ignore[union-attr]
    assert place.ticks() == 0
    with place.daemon():
        place.finds_nothing()
    assert (place.count("pivots"), place.count("experiments")) == (1, 1)


def test_the_daemon_is_killed_between_the_tick_and_the_run(place: Place) -> None:
    degraded(place)
    with place.daemon() as daemon:
        wait_for(place.statuses)
        kill_session(daemon)
    place.was_killed_long_ago()
    with place.daemon():
        place.settled()


def test_the_run_is_killed_half_way(place: Place) -> None:
    degraded(place)
    with place.daemon() as daemon:
        with held_up(place):
            wait_for(lambda: waits_half_way(place))
            workers = [one for one in members(daemon) if is_run(one)]
            assert workers, [one.cmdline() for one in members(daemon)]
            for worker in workers:
                worker.kill()
        place.settled()
    assert "FAILURE" in place.statuses()


def is_run(process: psutil.Process) -> bool:
    """Whether a process carries out a run, and is no server."""
    return "execute_run" in " ".join(process.cmdline()) or "spawn_main" in " ".join(process.cmdline())


def test_all_is_killed_while_the_run_is_half_way(place: Place) -> None:
    degraded(place)
    with held_up(place), place.daemon() as daemon:
        wait_for(lambda: waits_half_way(place))
        kill_session(daemon)
    assert place.count("pivots") == 0
    place.was_killed_long_ago()
    with place.daemon():
        place.settled()


def test_a_run_that_fails_is_tried_again(place: Place) -> None:
    degraded(place)
    with place.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE experiments ADD CONSTRAINT none CHECK (false)")
    with place.daemon():
        wait_for(lambda: place.statuses().count("FAILURE") >= 2)
        assert place.count("pivots") == 0
        with place.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE experiments DROP CONSTRAINT none")
        place.settled()


def test_two_daemons_open_one(place: Place) -> None:
    with place.daemon(), place.daemon():
        degraded(place)
        place.settled()


def test_a_backfill_of_an_old_window_opens_none(place: Place) -> None:
    with place.daemon():
        for days_ago in (40, 20, 2):
            degraded(place, days_ago)
        place.finds_nothing()
        degraded(place, 0, status="healthy", warranted=False, episode=None)
        degraded(place, 30)
        place.finds_nothing()
    assert place.count("pivots") == 0
