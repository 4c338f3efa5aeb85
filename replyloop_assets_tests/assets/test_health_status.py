"""The stage on real tables: a drop with its date and cause, silence, the seed's rule, nothing of nothing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from replyloop_assets.assets import health_status
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.partitions import Window
from replyloop_assets.settings import Settings, load_settings

FIRST = date(2026, 1, 5)
FELL = FIRST + timedelta(days=100)
GENERATORS = {"PersonalStory": 0.5, "ResearchSynthesizer": 0.5}
ROLLUP = sa.text("""
    INSERT INTO daily_rollup (day, as_of, dimension, value, metric, reply_count, n, positives, successes,
        sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts)
    VALUES (:day, now(), :dimension, :value, 'followers_gained', :n, :n, 0, 0, :sum_y, :sum_y2, :l, :l2,
        0, 0, '{}', '{}')
""")
FACTS = sa.text("""
    WITH day AS (SELECT d FROM generate_series(cast(:first AS TIMESTAMPTZ), :last, INTERVAL '1 day') AS d),
    found AS (INSERT INTO reply_opportunities (tweet_id, discovered_at) SELECT 'p' || d, d FROM day),
    made AS (
        INSERT INTO content_metadata (decision_id, tweet_id, posted_at) SELECT 'd' || d, 't' || d, d FROM day
    )
    INSERT INTO tweet_metrics (tweet_id, collected_at) SELECT 't' || d, d FROM day
""")


def load(engine: sa.Engine, days: int, lost: float = 0.8, silent_from: int | None = None) -> None:
    """Rollups of 40 replies a day in two generators, of which one falls; and a fact of each kind a day."""
    rng = np.random.default_rng(1)
    rows = []
    for n in range(days):
        day = FIRST + timedelta(days=n)
        of = {name: rng.exponential(4, 20) * (rng.random(20) < 0.6) for name in GENERATORS}
        if day >= FELL:
            of["PersonalStory"] = of["PersonalStory"] * (1 - lost)
        groups = {("generator", name): y for name, y in of.items()}
        groups["all", "all"] = groups["engagement_tier", "10K-25K"] = np.concatenate([*of.values()])
        for (dimension, value), y in groups.items():
            y, logs = np.round(y), np.log1p(np.round(y))
            sums = {"sum_y": y.sum(), "sum_y2": (y**2).sum(), "l": logs.sum(), "l2": (logs**2).sum()}
            key = {"day": day, "dimension": dimension, "value": value, "n": len(y)}
            rows.append(key | {name: float(total) for name, total in sums.items()})
    last = (silent_from or days) - 1
    with engine.begin() as connection:
        if rows:
            connection.execute(ROLLUP, rows)
        noon = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(hours=12)
        connection.execute(FACTS, {"first": noon, "last": noon + timedelta(days=last)})


def runtime_at(engine: sa.Engine, now: datetime, **health: Any) -> Runtime:
    settings: Settings = load_settings().model_copy(update={"health": HealthSettings(**health)})
    return Runtime(engine, settings, now=lambda: now)


def verdict(engine: sa.Engine, day: date, **health: Any) -> dict[str, Any] | None:
    now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=30)
    health_status.STAGE.fill(runtime_at(engine, now, **health), Window.at(day, now))
    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT * FROM health_status WHERE day = :day"), {"day": day})
        return next((dict(one) for one in row.mappings()), None)


@pytest.fixture
def fallen(engine: sa.Engine) -> sa.Engine:
    load(engine, days=130)
    return engine


def test_a_drop_is_dated_explained_and_warrants_a_pivot(fallen: sa.Engine) -> None:
    before = verdict(fallen, FELL - timedelta(days=1))
    assert before
    assert (before["status"], before["pivot_warranted"], before["episode_started_at"]) == (
        "healthy",
        False,
        None,
    )
    assert before["baseline_days"] > 80

    after = verdict(fallen, FELL + timedelta(days=15))
    assert after
    assert after["status"] == "degraded"
    assert after["pivot_warranted"]
    assert abs((after["segment_started_on"] - FELL).days) <= 3
    assert FELL <= after["episode_started_at"].date() <= FELL + timedelta(days=12)
    assert after["cusum"] >= after["pivot_threshold"] * 0.5
    assert after["segment_p_value"] < 0.001
    assert after["segment_mean"] < after["baseline_mean"]
    assert f"Replies bring less since {after['segment_started_on']}" in after["reason"]
    assert "Most of it comes from generator PersonalStory" in after["reason"]
    fell = {
        group["value"] for group in after["diagnosis"] if group["fell"] and group["dimension"] == "generator"
    }
    assert fell == {"PersonalStory"}
    assert after["silence"] == []


def test_an_episode_keeps_its_start_from_day_to_day(fallen: sa.Engine) -> None:
    rows = [verdict(fallen, FELL + timedelta(days=n)) for n in range(15, 30)]
    assert len({row["episode_started_at"] for row in rows if row}) == 1
    assert all(row and row["status"] == "degraded" for row in rows)


def test_the_seeds_figures_stand_beside_and_its_rule_can_be_chosen(fallen: sa.Engine) -> None:
    day = FELL + timedelta(days=6)
    ours, seed = verdict(fallen, day), verdict(fallen, day, rule="seed")
    assert ours
    assert seed
    query = """
        SELECT
            sum(sum_y) FILTER (WHERE day > :day - 7) / sum(n) FILTER (WHERE day > :day - 7),
            sum(sum_y) / sum(n)
        FROM daily_rollup WHERE dimension = 'all' AND day > :day - 30 AND day <= :day
    """
    with fallen.connect() as connection:
        recent, historical = connection.execute(sa.text(query), {"day": day}).one()
    for row in (ours, seed):
        assert row["recent_avg_followers"] == pytest.approx(recent)
        assert row["historical_avg_followers"] == pytest.approx(historical)
        assert row["degradation"] == pytest.approx((historical - recent) / historical)
        assert (row["sample_size_recent"], row["sample_size_historical"]) == (7 * 40, 30 * 40)
    assert (ours["rule"], seed["rule"]) == ("default", "seed")
    assert seed["status"] == ("degraded" if seed["degradation"] > 0.3 else "healthy")
    assert (seed["episode_started_at"] is not None) == (seed["status"] == "degraded")
    # nothing of the detector's stands for the seed's episode
    for later in range(15):
        row = verdict(fallen, FELL + timedelta(days=later), rule="seed")
        assert row
        started = row["episode_started_at"]
        assert row["segment_started_on"] == (started.date() if started else None)
        assert (row["segment_replies"], row["usual_since"]) == (0, None)


def test_what_used_to_come_and_does_not_is_silence(engine: sa.Engine) -> None:
    load(engine, days=60)
    last = FIRST + timedelta(days=59)
    on_time = verdict(engine, last + timedelta(days=1))
    assert on_time
    assert on_time["status"] != "silent"
    silent = verdict(engine, last + timedelta(days=4))
    assert silent
    assert silent["status"] == "silent"
    assert not silent["pivot_warranted"]
    assert {one["kind"] for one in silent["silence"]} == {"opportunities", "outcomes", "replies", "snapshots"}
    assert silent["reason"].startswith("No opportunities for 4.5 days (since 2026-03-05 12:00 UTC)")


def test_one_kind_may_be_silent_alone_and_without_any_outcome(engine: sa.Engine) -> None:
    load(engine, days=0, silent_from=20)
    found = verdict(engine, FIRST + timedelta(days=25))
    assert found
    assert found["status"] == "silent"
    assert {one["kind"] for one in found["silence"]} == {"opportunities", "replies", "snapshots"}
    assert found["sample_size_historical"] == 0


TELL = sa.text("""
    WITH bad AS (
        INSERT INTO quarantine (id, source, line, reason, raw, recorded_at)
        SELECT 'bad' || n, 'record_metrics', 0, CASE WHEN n % 3 = 0 THEN 'collected_at is missing'
            ELSE 'tweet_id is no post id' END, '{}', :at FROM generate_series(1, :bad) AS n
    )
    INSERT INTO tweet_metrics (tweet_id, collected_at, recorded_at)
    SELECT 'good' || n, :at, :at FROM generate_series(1, :good) AS n
""")


@pytest.mark.parametrize(("bad", "good", "fails"), [(30, 10, True), (9, 0, False), (30, 40, False)])
def test_most_of_a_days_facts_in_quarantine_is_a_failing_ingestion(
    fallen: sa.Engine, bad: int, good: int, fails: bool
) -> None:
    day = FELL + timedelta(days=15)
    before = verdict(fallen, day)
    assert before
    at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
    with fallen.begin() as connection:
        connection.execute(TELL, {"bad": bad, "good": good, "at": at})
    found = verdict(fallen, day)
    assert found
    if not fails:
        assert found == before
        return
    assert (found["status"], found["pivot_warranted"]) == ("silent", False)
    assert [one["kind"] for one in found["silence"]] == ["ingestion of snapshots"]
    assert found["reason"] == (
        f"The ingestion of snapshots fails: 30 of the 41 told in a day went to quarantine (since {day} 09:00 "
        f"UTC), mostly because tweet_id is no post id. {before['reason']}"
    )
    unchanged = set(found) - {"status", "pivot_warranted", "reason", "silence"}
    assert all(found[name] == before[name] for name in unchanged)
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        row = verdict(fallen, other)
        assert row
        assert row["silence"] == []


def test_a_silence_in_an_episode_tells_both(engine: sa.Engine) -> None:
    load(engine, days=120, silent_from=110)
    found = verdict(engine, FELL + timedelta(days=19))
    assert found
    assert (found["status"], found["pivot_warranted"]) == ("silent", False)
    assert found["episode_started_at"] is not None
    assert found["reason"].startswith("No opportunities for 10.5 days")
    assert f"Replies bring less since {found['segment_started_on']}" in found["reason"]
    assert "Most of it comes from generator PersonalStory" in found["reason"]


def test_what_does_not_blind_the_verdict_hides_no_drop(engine: sa.Engine) -> None:
    """No opportunities, but replies, snapshots and outcomes: a drop is a drop; without one it is silence."""
    load(engine, days=130)
    fallen, calm = FELL + timedelta(days=20), FELL - timedelta(days=1)
    with engine.begin() as connection:
        gone = "DELETE FROM reply_opportunities WHERE discovered_at BETWEEN :since AND :until"
        for day in (fallen, calm):
            until = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
            connection.execute(sa.text(gone), {"since": until - timedelta(days=6), "until": until})
    found = verdict(engine, fallen)
    assert found
    assert (found["status"], found["pivot_warranted"]) == ("degraded", True)
    assert [one["kind"] for one in found["silence"]] == ["opportunities"]
    assert found["reason"].startswith("No opportunities for ")
    assert "Most of it comes from generator PersonalStory" in found["reason"]
    quiet = verdict(engine, calm)
    assert quiet
    assert (quiet["status"], quiet["pivot_warranted"]) == ("silent", False)


def test_what_is_completed_later_changes_no_day_s_ingestion(fallen: sa.Engine) -> None:
    day = FELL + timedelta(days=15)
    at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
    with fallen.begin() as connection:
        connection.execute(TELL, {"bad": 30, "good": 40, "at": at})
    before = verdict(fallen, day)
    with fallen.begin() as connection:
        connection.execute(
            sa.text("UPDATE tweet_metrics SET recorded_at = :later"), {"later": at + timedelta(days=3)}
        )
    assert verdict(fallen, day) == before
    assert before
    assert before["silence"] == []


def test_an_import_of_old_rows_fails_no_ingestion(fallen: sa.Engine) -> None:
    day = FELL + timedelta(days=15)
    before = verdict(fallen, day)
    at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
    with fallen.begin() as connection:
        connection.execute(TELL, {"bad": 30, "good": 0, "at": at})
        connection.exec_driver_sql("UPDATE quarantine SET source = 'x_analytics_content'")
    assert verdict(fallen, day) == before


TRIED = sa.text("""
    WITH trial AS (
        INSERT INTO experiments (
            id, experiment_name, hypothesis, dimension, control_strategy, treatment_strategy, started_at
        )
        VALUES (
            gen_random_uuid(), 'T', 'It is better', 'generator', 'ResearchSynthesizer', 'PersonalStory',
            :started
        )
        RETURNING id
    ),

    brought AS (
        INSERT INTO daily_rollup (day, as_of, dimension, value, metric, reply_count, n, positives, successes,
            sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts)
        SELECT day, as_of, 'experiment',
            id || '/' || CASE value WHEN 'PersonalStory' THEN 'treatment' ELSE 'control' END,
            metric, n, n, 0, 0, sum_y, sum_y2, sum_log1p, sum_log1p2, 0, 0, '{}', '{}'
        FROM daily_rollup, trial WHERE dimension = 'generator' AND day >= cast(:started AS DATE)
    )

    INSERT INTO experiment_results (day, as_of, experiment_id, look, days_held, sample_size_control,
        sample_size_treatment, is_significant, decision, reason)
    SELECT cast(:started AS DATE) + n, :started, id, n + 1, 1, 20 * n, 20 * n, TRUE,
        CASE n WHEN 12 THEN :decision ELSE 'continue_testing' END, ''
    FROM trial, generate_series(0, 12) AS n
""")


def tried(engine: sa.Engine, decision: str) -> None:
    """The generator that falls was a treatment since then, and thirteen days of it decided."""
    with engine.begin() as connection:
        connection.execute(TRIED, {"started": FELL, "decision": decision})


def test_a_rejected_treatment_is_no_drop_from_its_rejection_on(fallen: sa.Engine) -> None:
    tried(fallen, "reject")
    seen = [verdict(fallen, FELL + timedelta(days=n)) for n in (11, 12, 20)]
    assert [row["status"] for row in seen if row] == ["degraded", "healthy", "healthy"]
    told = ["Left out: the replies that tested PersonalStory." in row["reason"] for row in seen if row]
    assert told == [False, True, True]
    assert all(row and row["sample_size_recent"] == 7 * 40 for row in seen)  # what came stays what came


def test_what_an_adopted_treatment_changed_is_taken_off_beyond_its_former_share(fallen: sa.Engine) -> None:
    """Here it made things worse, so that it is plain: without it nothing fell."""
    day = FELL + timedelta(days=20)
    before = verdict(fallen, day)
    tried(fallen, "adopt")
    had_half = verdict(fallen, day)
    with fallen.begin() as connection:
        new = "UPDATE daily_rollup SET value = 'Other' WHERE value = 'PersonalStory' AND day < :fell"
        connection.execute(sa.text(new), {"fell": FELL})
    had_none = verdict(fallen, day)
    assert before
    assert had_half
    assert had_none
    assert had_half["segment_mean"] == pytest.approx(before["segment_mean"])
    assert [row["status"] for row in (before, had_half, had_none)] == ["degraded", "degraded", "healthy"]
    assert all("Left out: what adopting PersonalStory adds." in row["reason"] for row in (had_half, had_none))
    assert "Left out" not in verdict(fallen, day, rule="seed")["reason"]  # type: ignore[index]


def test_what_rises_and_falls_over_weeks_is_told_of_each_value(fallen: sa.Engine) -> None:
    before = verdict(fallen, FELL - timedelta(days=11))
    after = verdict(fallen, FELL + timedelta(days=25), trend_weeks=6)
    assert before
    assert after
    quiet, seen = (
        {(one["dimension"], one["value"]): one for one in row["trends"]} for row in (before, after)
    )
    assert set(quiet) == {
        ("all", "all"),
        ("engagement_tier", "10K-25K"),
        ("generator", "PersonalStory"),
        ("generator", "ResearchSynthesizer"),
    }
    assert quiet["all", "all"]["replies"] == 8 * 7 * 40
    assert {(one["weeks"], one["direction"]) for one in quiet.values()} == {(8, "flat")}
    story = seen["generator", "PersonalStory"]
    assert (story["weeks"], story["replies"], story["direction"]) == (6, 6 * 7 * 20, "falling")
    assert story["low"] < story["per_week"] < story["high"] < 0
    assert story["high"] < seen["generator", "ResearchSynthesizer"]["per_week"]
    early = verdict(fallen, FIRST + timedelta(days=10))
    assert early
    assert {one["direction"] for one in early["trends"]} == {"unknown"}
    assert {one["per_week"] for one in early["trends"]} == {None}


def test_a_short_past_is_too_early_to_judge(engine: sa.Engine) -> None:
    load(engine, days=20)
    found = verdict(engine, FIRST + timedelta(days=19))
    assert found
    assert found["status"] == "unknown"
    assert "too early to judge, with 6 of the 28 days" in found["reason"]
    assert found["degradation"] is not None


SPARSE = """
    INSERT INTO daily_rollup (day, as_of, dimension, value, metric, reply_count, n, positives,
        successes, sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts)
    SELECT day, as_of, dimension, value, 'profile_clicks', n, n, positives, 0, sum_y, sum_y2,
        sum_log1p, sum_log1p2, 0, 0, '{{}}', '{{}}'
    FROM daily_rollup WHERE day < '{gone}';
    UPDATE daily_rollup
    SET
        positives = CASE WHEN day < '{since}' THEN n / 3 ELSE 0 END, sum_log1p = n / 20 * ln(2),
        sum_log1p2 = n / 20 * ln(2) ^ 2
    WHERE metric = 'followers_gained'
"""


@pytest.mark.parametrize("hours", [0, 6])
def test_windows_judged_together_are_those_judged_one_by_one(engine: sa.Engine, hours: int) -> None:
    """Through a drop, a decided experiment, visits that stand in for a while, silence and a refusal."""
    load(engine, days=150, silent_from=146)
    tried(engine, "adopt")
    now = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=152, hours=hours)
    with engine.begin() as connection:
        connection.execute(TELL, {"bad": 30, "good": 10, "at": now - timedelta(hours=12)})
        since, gone = FIRST + timedelta(days=30), FELL + timedelta(days=33)
        connection.exec_driver_sql(SPARSE.format(since=since, gone=gone))
    days = [now.date() - timedelta(days=age) for age in (0, 1, 3, 5, 9, 17, 31, 32, 37, 39, 44, 70, 152, 160)]
    windows = [Window.at(day, now) for day in days]
    query = sa.text("SELECT * FROM health_status ORDER BY day")
    filled = []
    for batches in ([[window] for window in windows], [windows], [windows[9:], windows[4::-1], windows[5:9]]):
        with engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE health_status, stage_days")
        results = [
            one for batch in batches for one in health_status.STAGE.fill_batch(runtime_at(engine, now), batch)
        ]
        assert (
            sum(one.rows for one in results if one) == len(windows) - 1
        )  # of the first day there is nothing
        with engine.connect() as connection:
            filled.append(list(connection.execute(query)))
    assert filled[0] == filled[1] == filled[2]
    seen = [dict(row._mapping) for row in filled[0]]
    assert {row["status"] for row in seen} == {"unknown", "healthy", "degraded", "silent"}
    assert {row["watched"] for row in seen} == {"followers", "visits"}
    assert any("Left out: what adopting" in row["reason"] for row in seen)
    assert {one["kind"] for row in seen for one in row["silence"]} > {"replies", "ingestion of snapshots"}


def test_of_nothing_there_is_no_row(engine: sa.Engine) -> None:
    assert verdict(engine, FIRST) is None


def test_where_hardly_any_reply_brings_a_follower_visits_are_watched(engine: sa.Engine) -> None:
    load(engine, days=130)
    with engine.begin() as connection:
        # the same drop in profile visits alone; one reply in twenty brings a follower, as ever
        connection.exec_driver_sql("UPDATE daily_rollup SET metric = 'profile_clicks'")
        connection.exec_driver_sql("""
            INSERT INTO daily_rollup (day, as_of, dimension, value, metric, reply_count, n, positives,
                successes, sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts)
            SELECT day, as_of, dimension, value, 'followers_gained', n, n, n / 20, 0, n / 20, n / 20,
                n / 20 * ln(2), n / 20 * ln(2) ^ 2, 0, 0, '{}', '{}'
            FROM daily_rollup
        """)
    found = verdict(engine, FELL + timedelta(days=15))
    assert found
    assert (found["watched"], found["status"], found["pivot_warranted"]) == ("visits", "degraded", True)
    assert abs((found["segment_started_on"] - FELL).days) <= 3
    assert "Judged by profile visits" in found["reason"]
    assert "Most of it comes from generator PersonalStory" in found["reason"]
    assert found["degradation"] == pytest.approx(0)
    # visits of few replies, or no longer of any, tell nothing of the others
    for fewer in (
        "UPDATE daily_rollup SET n = n / 3 WHERE metric = 'profile_clicks'",
        f"DELETE FROM daily_rollup WHERE metric = 'profile_clicks' AND day >= '{FELL}'",
        "DELETE FROM daily_rollup WHERE metric = 'profile_clicks'",
    ):
        with engine.begin() as connection:
            connection.exec_driver_sql(fewer)
        found = verdict(engine, FELL + timedelta(days=15))
        assert found
        assert (found["watched"], found["status"]) == ("followers", "healthy")
