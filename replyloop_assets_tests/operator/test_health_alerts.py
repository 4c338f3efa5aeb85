"""What of a verdict the operator is told: an episode once, a silence once, the end; of the past nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from replyloop_assets.assets import health_status
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.silence import Silence
from replyloop_assets.operator.health_alerts import raise_health_alerts
from replyloop_assets.partitions import Window
from replyloop_assets.reporting.status import read_status
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.assets.test_health_status import FELL, load

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STARTED = datetime(2026, 5, 18, tzinfo=UTC)


def judged(
    engine: sa.Engine, now: datetime, started: datetime | None, *silences: Silence, **more: Any
) -> list[str]:
    """The keys of all alerts after a verdict of that instant."""
    status = "silent" if silences else "degraded" if started else "healthy"
    row: dict[str, Any] = {
        "status": status, "reason": "So it is.", "episode_started_at": started, "rule": "default",
        "degradation": 0.0,
    }  # fmt: skip
    with engine.begin() as connection:
        window = Window.at(now.date(), now)
        raise_health_alerts(connection, window, row | more, silences, HealthSettings())
    return told(engine)


def told(engine: sa.Engine, column: str = "event_data ->> 'alert'") -> list[str]:
    query = f"SELECT {column} FROM system_events WHERE event_type = 'replyloop_alert' ORDER BY created_at, id"
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query)).scalars())


def silence(since: datetime, kind: str = "replies", **more: Any) -> Silence:
    return Silence(kind, since, 100.0, 1, **more)


def test_an_episode_is_told_once_though_its_start_moves_and_its_end_is_told_too(engine: sa.Engine) -> None:
    assert judged(engine, NOW - 5 * DAY, None) == []
    once = ["degraded/2026-05-18"]
    assert judged(engine, NOW, STARTED) == once
    for moved in (0, -9, 3, 9):
        assert judged(engine, NOW + 10 * DAY, STARTED + moved * DAY) == once
    over = [*once, "recovered/2026-05-18"]
    assert judged(engine, NOW + 20 * DAY, None) == over
    assert judged(engine, NOW + 21 * DAY, None) == over
    another = NOW.replace(hour=0) + 40 * DAY
    assert judged(engine, another + DAY, another) == [*over, "degraded/2026-06-29"]
    assert told(engine, "severity") == ["warning", "info", "warning"]


def test_a_drop_that_follows_soon_after_a_recovery_is_told(engine: sa.Engine) -> None:
    judged(engine, NOW, STARTED)
    over = judged(engine, NOW + 4 * DAY, None)
    assert over == ["degraded/2026-05-18", "recovered/2026-05-18"]
    again = NOW.replace(hour=0) + 10 * DAY
    assert judged(engine, again + DAY, again) == [*over, "degraded/2026-05-30"]
    assert judged(engine, again + 2 * DAY, again) == [*over, "degraded/2026-05-30"]
    assert judged(engine, again + 9 * DAY, None)[-1] == "recovered/2026-05-30"


def test_a_ratio_that_flaps_around_the_seed_s_threshold_is_told_once(engine: sa.Engine) -> None:
    once = judged(engine, NOW, STARTED, rule="seed", degradation=0.31)
    for hours in range(6, 96, 6):
        down = hours % 12 == 0
        now = NOW + timedelta(hours=hours)
        seen = judged(engine, now, now if down else None, rule="seed", degradation=0.31 if down else 0.29)
        assert seen == once
    assert judged(engine, NOW + 5 * DAY, None, rule="seed", degradation=0.15)[-1] == "recovered/2026-05-18"


def test_a_silence_is_told_once_though_late_facts_move_it_and_another_anew(engine: sa.Engine) -> None:
    since = NOW - 4 * DAY
    first = [f"silent/replies/{since.isoformat()}"]
    assert judged(engine, NOW, None, silence(since)) == first
    assert judged(engine, NOW + DAY, None, silence(since)) == first
    assert judged(engine, NOW + DAY, None, silence(since + DAY)) == first
    assert len(judged(engine, NOW + DAY, None, silence(since), silence(since, "snapshots"))) == 2
    again = NOW + 3 * DAY
    assert judged(engine, NOW + 8 * DAY, None, silence(again))[-1] == f"silent/replies/{again.isoformat()}"


def test_an_ingestion_that_fails_is_told_weekly(engine: sa.Engine) -> None:
    for hours in range(0, 24 * 8, 6):
        now = NOW + timedelta(hours=hours)
        failing = silence(now - DAY, "ingestion of replies", refused=20, told=30, reason="it is broken")
        assert len(judged(engine, now, None, failing)) == 1 + (hours > 24 * 7)


def test_a_past_window_tells_nothing(engine: sa.Engine) -> None:
    row = {"status": "degraded", "reason": "So it was.", "episode_started_at": STARTED}
    with engine.begin() as connection:
        window = Window.at(NOW.date(), NOW + DAY)
        raise_health_alerts(connection, window, row, [silence(NOW - 9 * DAY)], HealthSettings())
    assert told(engine) == []


def fill(engine: sa.Engine, now: datetime) -> list[str]:
    """The stage on the running day, and what the status then says."""
    window = Window.at(now.date(), now)
    health_status.STAGE.fill(Runtime(engine, load_settings(), now=lambda: now), window)
    sentences = read_status(engine, load_settings(), [], [], now)["health"]["sentences"]
    assert len(sentences) == 3
    return list(sentences)


def test_the_stage_tells_in_its_own_transaction_and_the_status_tells_the_same(engine: sa.Engine) -> None:
    load(engine, days=130)
    now = datetime.combine(FELL, datetime.min.time(), UTC) + timedelta(days=15, hours=18)
    wrong, sure, done = fill(engine, now)
    assert wrong.startswith("Replies bring less since 2026-04-1")
    assert "; most of it comes from generator PersonalStory: " in sure
    assert "opens a pivot within minutes" in done
    assert [key.partition("/")[0] for key in told(engine)] == ["degraded"]
    assert "Most of it comes from generator PersonalStory" in told(engine, "event_data ->> 'message'")[0]
    wrong, _, _ = fill(engine, now + 20 * DAY)
    assert wrong.startswith("No opportunities for 6.2 days (since ")
    silent = {f"silent/{kind}" for kind in ("opportunities", "outcomes", "replies", "snapshots")}
    assert {key.rpartition("/")[0] for key in told(engine)} == {"degraded", *silent}
