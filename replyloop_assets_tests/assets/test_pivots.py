"""What a pivot does to real tables: facts, experiments, an alert, once; and what it changes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets.assets import pivots
from replyloop_assets.assets.pivots import move_pivot
from replyloop_assets.learning.health.pivoting import Move
from replyloop_assets.settings import Features, Settings, load_settings

NOW = datetime(2026, 6, 15, 12, 1, tzinfo=UTC)
ARMS = {"PersonalStory": (1, 60), "ResearchSynthesizer": (6, 40), "ContrarianTake": (5, 20)}
DAYS = 8

VERDICT = sa.text("""
    INSERT INTO health_status (
        day, as_of, days_held, status, sample_size_recent, sample_size_historical, pivot_warranted, reason,
        rule, degradation, episode_started_at, segment_started_on, diagnosis
    )
    VALUES (
        :day, :day, 30, :status, 100, 900, :warranted, 'Replies bring less.', :rule, :degradation, :episode,
        cast(:day AS DATE) - 7, cast(:diagnosis AS JSONB)
    )
    ON CONFLICT (day) DO UPDATE SET
        status = excluded.status, pivot_warranted = excluded.pivot_warranted,
        episode_started_at = excluded.episode_started_at, degradation = excluded.degradation
""")
ROLLUP = sa.text("""
    INSERT INTO daily_rollup (day, as_of, dimension, value, metric, reply_count, n, positives, successes,
        sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts)
    VALUES (:day, now(), :dimension, :value, 'followers_gained', :n, :n, :k, 0, :k * :y, :k * :y * :y, 0, 0,
        :k * ln(cast(:y AS FLOAT8)), :k * ln(cast(:y AS FLOAT8)) ^ 2, '{}', '{}')
""")


def judged(engine: sa.Engine, now: datetime = NOW, **values: Any) -> None:
    """The newest verdict: degraded, and sure, unless told otherwise."""
    verdict = {
        "day": now.date(), "status": "degraded", "warranted": True, "rule": "default", "degradation": 0.4,
        "episode": NOW - timedelta(days=5), "diagnosis": '[]',
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(VERDICT, verdict | values)


def recovered(engine: sa.Engine, now: datetime, **values: Any) -> None:
    calm = {"status": "healthy", "warranted": False, "episode": None, "degradation": 0.0}
    judged(engine, now, **(calm | values))


def replied(engine: sa.Engine, dimension: str = "generator") -> None:
    """What the arms brought on each day since the drop."""
    with engine.begin() as connection:
        for n in range(DAYS):
            day = NOW.date() - timedelta(days=n)
            rows = [(dimension, name, y, 100, k) for name, (y, k) in ARMS.items()]
            for dimension, name, y, count, k in [*rows, ("all", "all", 3, 300, 120)]:
                key = {"day": day, "dimension": dimension, "value": name}
                connection.execute(ROLLUP, key | {"n": count, "k": k, "y": y})


def rows(engine: sa.Engine, query: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(query)).mappings()]


def settings_with(**features: bool) -> Settings:
    return load_settings().model_copy(update={"features": Features(**features)})


def moved(engine: sa.Engine, now: datetime = NOW, settings: Settings | None = None) -> str | None:
    move = move_pivot(engine, lambda: now, settings or load_settings())
    return move.what if isinstance(move, Move) else None


def test_an_episode_has_one_pivot_from_opening_to_recovery(engine: sa.Engine) -> None:
    judged(engine)
    assert moved(engine) == "open"
    assert moved(engine) is None
    (found,) = rows(engine, "SELECT * FROM pivots")
    assert (found["opened_at"], found["closed_at"]) == (NOW, None)
    assert found["episode_started_at"] == NOW - timedelta(days=5)
    assert found["inputs"]["reason"] == "Replies bring less."

    # the episode's start moves, as late data come in
    judged(engine, episode=NOW - timedelta(days=3))
    assert moved(engine) is None
    recovered(engine, NOW + timedelta(days=13))
    assert moved(engine, NOW + timedelta(days=13)) is None
    end = NOW + timedelta(days=14)
    recovered(engine, end)
    assert moved(engine, end) == "close"
    assert moved(engine, end) is None
    (found,) = rows(engine, "SELECT closed_at, closed_reason FROM pivots")
    assert found == {"closed_at": end, "closed_reason": "Recovered: Replies bring less."}
    # the very same episode, seen again
    judged(engine, end + timedelta(days=10))
    assert moved(engine, end + timedelta(days=10)) is None
    judged(engine, end + timedelta(days=10), episode=end + timedelta(days=9))
    assert moved(engine, end + timedelta(days=10)) == "open"

    alerts = rows(engine, "SELECT severity, event_data, created_at FROM system_events ORDER BY created_at")
    assert [(one["severity"], one["event_data"]["message"][:22]) for one in alerts] == [
        ("warning", "The loop opened a pivo"),
        ("info", "The loop closed a pivo"),
        ("warning", "The loop opened a pivo"),
    ]
    assert alerts[0]["created_at"] == NOW


def test_the_seed_s_ratio_must_come_back_by_half_before_a_pivot_closes(engine: sa.Engine) -> None:
    judged(engine, rule="seed")
    assert moved(engine) == "open"
    late = NOW + timedelta(days=20)
    recovered(engine, late, rule="seed", degradation=0.2)
    assert moved(engine, late) is None
    recovered(engine, late, rule="seed", status="unknown", degradation=None)
    assert moved(engine, late) is None
    judged(engine, late, rule="seed", status="healthy", degradation=0.2, warranted=False, episode=None)
    recovered(engine, late, rule="seed", degradation=0.15)
    assert moved(engine, late) == "close"


@pytest.mark.parametrize("feature", ["pivots", "health"])
def test_switched_off_it_does_nothing(engine: sa.Engine, feature: str) -> None:
    judged(engine)
    assert moved(engine, settings=settings_with(**{feature: False})) is None
    assert rows(engine, "SELECT * FROM pivots") == []


def test_silence_and_old_windows_pivot_nothing(engine: sa.Engine) -> None:
    assert moved(engine) is None
    judged(engine, NOW - timedelta(days=30))
    assert moved(engine) is None
    judged(engine, status="silent", warranted=False)
    assert moved(engine) is None
    assert rows(engine, "SELECT * FROM pivots") == []


def test_it_begins_an_experiment_on_a_part_of_the_replies(engine: sa.Engine) -> None:
    replied(engine)
    fell = '[{"dimension": "generator", "value": "PersonalStory", "fell": true}]'
    judged(engine, diagnosis=fell)
    assert moved(engine) == "open"
    (trial,) = rows(engine, "SELECT * FROM experiments")
    assert trial["control_strategy"] == "ResearchSynthesizer"
    assert trial["treatment_strategy"] == "ContrarianTake"
    assert (trial["status"], trial["units_share"], trial["started_at"]) == ("running", 0.2, NOW)
    assert (trial["control_allocation_pct"], trial["treatment_allocation_pct"]) == (50, 50)
    assert trial["pivot_id"] == rows(engine, "SELECT id FROM pivots")[0]["id"]
    told = rows(engine, "SELECT event, reason FROM experiment_events ORDER BY event")
    assert [one["event"] for one in told] == ["created", "started"]
    assert told[1]["reason"] == "Begun by the pivot of 2026-06-15 on 20% of the replies."
    (alert,) = rows(engine, "SELECT event_data ->> 'message' AS text FROM system_events")
    assert alert["text"].endswith("Begun: ContrarianTake instead of ResearchSynthesizer.")

    recovered(engine, NOW + timedelta(days=14))
    assert moved(engine, NOW + timedelta(days=14)) == "close"
    (trial,) = rows(engine, "SELECT status, notes FROM experiments")
    assert trial == {"status": "inconclusive", "notes": "The pivot that began it has closed."}


@pytest.mark.parametrize("why", ["feature off", "one runs", "nothing known", "too few replies"])
def test_where_no_experiment_can_begin_it_pivots_all_the_same(engine: sa.Engine, why: str) -> None:
    before = 0
    if why != "nothing known":
        replied(engine)
    with engine.begin() as connection:
        if why == "too few replies":
            connection.exec_driver_sql("UPDATE daily_rollup SET n = 1, positives = 1")
        if why == "one runs":
            before = connection.exec_driver_sql(
                "INSERT INTO experiments (experiment_name, hypothesis, control_strategy, treatment_strategy, "
                "dimension) VALUES ('mine', '', 'A', 'B', 'generator')"
            ).rowcount
    judged(engine)
    settings = settings_with(experiments=why != "feature off")
    assert moved(engine, settings=settings) == "open"
    assert len(rows(engine, "SELECT * FROM experiments")) == before


def test_eight_at_once_open_one(engine: sa.Engine) -> None:
    replied(engine)
    judged(engine)
    with ThreadPoolExecutor(8) as pool:
        moves = list(pool.map(lambda _: moved(engine), range(8)))
    assert sorted(moves, key=str) == [None] * 7 + ["open"]
    for table in ("pivots", "experiments", "system_events"):
        assert len(rows(engine, f"SELECT * FROM {table}")) == 1


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The last thing that a pivot does fails."""

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(pivots, "tell", fail)
        yield


def test_a_pivot_that_fails_half_way_has_not_begun(engine: sa.Engine, broken: None) -> None:
    replied(engine)
    judged(engine)
    with pytest.raises(RuntimeError, match="killed"):
        moved(engine)
    for table in ("pivots", "experiments", "experiment_events"):
        assert rows(engine, f"SELECT * FROM {table}") == []
