"""From cause to effect through the database: what outcomes, the allocation and a pivot do to the plan."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console

from replyloop_assets.assets import STAGES, search_plan
from replyloop_assets.assets.stage import Runtime
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.learning.queries import SearchSettings
from replyloop_assets.learning.search import TIER_MIN_LIKES
from replyloop_assets.partitions import Window
from replyloop_assets.reporting.plan import read_plan, render_plan
from replyloop_assets.settings import load_settings
from replyloop_assets_tests.commands import PATIENCE_S
from replyloop_assets_tests.life import fill, live_rows

DAY = date(2026, 3, 10)
BEFORE = DAY - timedelta(days=1)
NEXT = DAY + timedelta(days=1)
LATER = datetime(2026, 3, 20, 12, tzinfo=UTC)
END = datetime(2026, 3, 11, tzinfo=UTC)
CHAIN = STAGES[: STAGES.index(search_plan.STAGE) + 1]
DEFAULTS = ["Topics 10K+", "Exploration 250K+"]
NUMBERS = count(1)


def reply(
    engine: sa.Engine, account: str, followers: int, times: int = 1, likes: int = 7_000, known: date = DAY
) -> None:
    """Replies to an account whose outcome became known at noon of a day."""
    known_at = datetime.combine(known, datetime.min.time(), UTC) + timedelta(hours=12)
    numbers = [next(NUMBERS) for _ in range(times)]
    rows = [
        {
            "target": f"target{n}",
            "own": f"own{n}",
            "account": account,
            "likes": likes,
            "followers": followers,
            "known_at": known_at,
            "posted_at": known_at - timedelta(hours=30),
        }
        for n in numbers
    ]
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO reply_opportunities (tweet_id, target_username, like_count, discovered_at) "
            "VALUES (:target, :account, :likes, :posted_at)",
            "INSERT INTO content_metadata "
            "(decision_id, target_username, target_tweet_id, tweet_id, posted_at) "
            "VALUES (:own, :account, :target, :own, :posted_at)",
            "INSERT INTO tweet_metrics (tweet_id, collected_at, likes, followers_gained) "
            "VALUES (:own, :known_at, 3, :followers)",
        ):
            connection.execute(sa.text(statement), rows)


def fill_chain(engine: sa.Engine, now: datetime, days: list[date]) -> None:
    """Fill days, once the posts found just before them are classified."""
    fill(engine, now, [days[0] - timedelta(days=n) for n in (2, 1)], CHAIN[:1])
    fill(engine, now, days, CHAIN)


def plan_of(engine: sa.Engine, day: date) -> list[dict[str, Any]]:
    query = "SELECT * FROM search_plan_history WHERE day = :day ORDER BY position"
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(query), {"day": day}).mappings()]


def live_plan(engine: sa.Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM search_plan ORDER BY position")).mappings()
        return [dict(row) for row in rows]


def labels(plan: list[dict[str, Any]]) -> list[str]:
    return [row["label"] for row in plan]


def share(plan: list[dict[str, Any]], label: str) -> float:
    return float(next(row["budget_share"] for row in plan if row["label"] == label))


def test_good_outcomes_put_an_account_into_the_proven_query_from_their_day_on(engine: sa.Engine) -> None:
    reply(engine, "Ann_1", followers=4, times=2, known=BEFORE)
    reply(engine, "Ann_1", followers=22, times=2)
    reply(engine, "bob", followers=9, times=3)
    fill_chain(engine, LATER, [BEFORE, DAY])
    assert labels(plan_of(engine, BEFORE)) == DEFAULTS
    proven = plan_of(engine, DAY)[0]
    assert (proven["label"], proven["priority"], proven["min_likes"]) == ("Proven accounts", 10, 5_000)
    assert proven["api_query"] == "(from:ann_1) min_likes:5000 -is:reply -is:retweet lang:en"
    assert proven["web_query"] == "(from:ann_1) min_faves:5000 -filter:replies lang:en"
    assert proven["reason"].startswith(
        "1 account brought at least 10 followers per reply and may go on to, most of all ann_1: "
    )
    assert proven["reason"].endswith(" believed, 13.00 over 4 replies.")


@pytest.mark.parametrize(("winner", "loser"), [(70_000, 7_000), (7_000, 70_000)])
def test_the_allocation_of_a_tier_moves_its_share_of_the_effort(
    engine: sa.Engine, winner: int, loser: int
) -> None:
    reply(engine, "ann", followers=9, times=25, likes=winner)
    reply(engine, "ann", followers=1, times=25, likes=loser)
    fill_chain(engine, LATER, [DAY])
    plan = plan_of(engine, DAY)
    name = {70_000: "50K-100K", 7_000: "5K-10K"}
    with engine.connect() as connection:
        query = (
            "SELECT value, probability FROM strategy_allocation_history "
            "WHERE day = :day AND dimension = 'engagement_tier'"
        )
        rows = connection.execute(sa.text(query), {"day": DAY}).all()
    allocated = {str(tier): float(given) for tier, given in rows}
    assert allocated[name[winner]] > 0.7
    assert labels(plan) == [f"Top tier {name[winner]}", f"Top tier {name[loser]}", *DEFAULTS]
    assert [row["priority"] for row in plan] == [9, 8, 7, 2]
    for tier, given in allocated.items():
        assert share(plan, f"Top tier {tier}") == pytest.approx(0.9 * 9 * given / (9 + 7))

    settings = load_settings()
    even = settings.model_copy(
        update={
            "allocation": type(settings.allocation)(
                rule="seed", first_share=50, second_share=50, exploration_share=0
            )
        }
    )
    for stage in CHAIN[-3:]:
        stage.fill(Runtime(engine, even), Window.at(DAY, LATER))
    moved = plan_of(engine, DAY)
    assert share(moved, f"Top tier {name[winner]}") == share(moved, f"Top tier {name[loser]}")
    assert share(moved, f"Top tier {name[winner]}") < share(plan, f"Top tier {name[winner]}")


def test_22_replies_make_a_tier_known_well_enough_and_21_do_not(engine: sa.Engine) -> None:
    reply(engine, "ann", followers=1, times=21, known=BEFORE)
    reply(engine, "ann", followers=1)
    fill_chain(engine, LATER, [BEFORE, DAY])
    assert labels(plan_of(engine, BEFORE)) == DEFAULTS
    assert labels(plan_of(engine, DAY)) == ["Top tier 5K-10K", *DEFAULTS]


def test_a_pivot_that_was_open_before_the_as_of_explores_30_percent(engine: sa.Engine) -> None:
    reply(engine, "ann", followers=12, known=BEFORE)
    days = [BEFORE, DAY, NEXT]
    second = timedelta(microseconds=1)
    for opened_at, closed_at, expected in (
        (END - second, None, [0.1, 0.3, 0.3]),
        (END, None, [0.1, 0.1, 0.3]),
        (END - timedelta(hours=30), END, [0.3, 0.3, 0.1]),
        (END - timedelta(hours=30), END - second, [0.3, 0.1, 0.1]),
    ):
        with engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE pivots")
            connection.execute(
                sa.text(
                    "INSERT INTO pivots (id, episode_started_at, opened_at, closed_at, opened_reason) "
                    "VALUES (gen_random_uuid(), :opened_at, :opened_at, :closed_at, 'down 40%')"
                ),
                {"opened_at": opened_at, "closed_at": closed_at},
            )
        fill_chain(engine, LATER, days)
        plans = [plan_of(engine, day) for day in days]
        assert [share(plan, "Exploration 250K+") for plan in plans] == expected
        for plan in plans:
            assert sum(row["budget_share"] for row in plan) == pytest.approx(1)
            opened = "A pivot is open" in plan[-1]["reason"]
            assert opened is (plan[-1]["budget_share"] == 0.3)


def test_only_the_running_day_replaces_the_live_plan_and_as_a_whole(engine: sa.Engine) -> None:
    reply(engine, "ann", followers=12, times=25)
    fill(engine, LATER, [BEFORE, DAY])
    assert live_plan(engine) == []
    noon = END - timedelta(hours=8)
    fill(engine, noon, [DAY])  # the clock of a day that had not yet closed: an older as-of changes nothing
    assert live_plan(engine) == []

    fill(engine, LATER, [LATER.date()])
    live = live_plan(engine)
    assert labels(live) == ["Proven accounts", "Top tier 5K-10K", *DEFAULTS]
    assert {row["as_of"] for row in live} == {LATER}
    history = plan_of(engine, LATER.date())
    assert [{name: row[name] for name in live[0]} for row in history] == live

    before = live_rows(engine)["search_plan"]
    fill(engine, LATER, [DAY, NEXT])
    fill(engine, LATER + timedelta(days=1), [DAY, LATER.date()])  # closed by now
    assert live_rows(engine)["search_plan"] == before

    # 60 days on the window is empty: two rows are left of four
    much_later = LATER + timedelta(days=60)
    fill(engine, much_later, [much_later.date()])
    assert labels(live_plan(engine)) == DEFAULTS
    assert {row["as_of"] for row in live_plan(engine)} == {much_later}


def test_a_live_plan_that_is_ahead_stays(engine: sa.Engine) -> None:
    fill(engine, LATER, [LATER.date()])
    ahead = live_rows(engine)["search_plan"]
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM stage_days")  # as if another clock had filled it
    fill(engine, LATER - timedelta(hours=1), [LATER.date()], [search_plan.STAGE])
    assert live_rows(engine)["search_plan"] == ahead


def test_a_user_without_data_gets_topics_and_exploration_and_no_history(engine: sa.Engine) -> None:
    fill(engine, LATER, [DAY, LATER.date()])
    plan = live_plan(engine)
    assert labels(plan) == DEFAULTS
    assert [row["budget_share"] for row in plan] == [0.9, 0.1]
    assert plan_of(engine, DAY) == plan_of(engine, LATER.date()) == []


def test_the_topics_are_settings(engine: sa.Engine) -> None:
    settings = load_settings().model_copy(update={"search": SearchSettings(topics=("gut health", "sleep"))})
    search_plan.STAGE.fill(Runtime(engine, settings), Window.at(LATER.date(), LATER))
    assert live_plan(engine)[0]["api_query"].startswith('("gut health" OR "sleep") min_likes:10000 ')


def test_the_topics_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = load_settings.__wrapped__
    monkeypatch.setenv("REPLYLOOP_SEARCH__TOPICS", '["gut health", "sleep"]')
    assert fresh().search.topics == ("gut health", "sleep")
    for text, sentence in {
        '["sleep", "from:elon"]': "the topic 'from:elon' cannot be searched for: it holds the character :",
        '["a\\nb"]': r"the topic 'a\nb' cannot be searched for: it holds a control character",
        "[sleep": "REPLYLOOP_SEARCH__TOPICS cannot be used: it begins like a JSON list",
        "sleep,from:elon": "the topic 'from:elon' cannot be searched for: it holds the character :",
    }.items():
        monkeypatch.setenv("REPLYLOOP_SEARCH__TOPICS", text)
        with pytest.raises(ReplyloopError) as refusal:
            fresh()
        assert sentence in str(refusal.value)


def test_a_user_name_that_is_none_passes_through_the_chain_and_reaches_no_query(engine: sa.Engine) -> None:
    hostile = [
        "ann OR from:elon",
        "a) lang:de (",
        'q"uote',
        "new\nline",
        "sixteen_letters_",
        "ünï",
        "x" * 10_000,
        "'; DROP TABLE pivots; --",
    ]
    for name in hostile:
        reply(engine, name, followers=99, times=2)
    reply(engine, "Good_1", followers=11, times=2)
    fill(engine, LATER, [DAY, LATER.date()])
    for plan in (plan_of(engine, DAY), live_plan(engine)):
        assert plan[0]["api_query"] == "(from:good_1) min_likes:5000 -is:reply -is:retweet lang:en"
        text = json.dumps(plan, default=str)
        assert not [name for name in hostile if json.dumps(name.lower())[1:-1] in text]


def test_the_bounds_of_the_tiers_are_those_of_the_database(engine: sa.Engine) -> None:
    query = sa.text("SELECT engagement_tier(:likes), engagement_tier(:likes - 1)")
    with engine.connect() as connection:
        for tier, min_likes in TIER_MIN_LIKES.items():
            at, below = connection.execute(query, {"likes": min_likes}).one()
            assert at == tier != below


def test_the_bot_reads_the_live_plan(engine: sa.Engine) -> None:
    fill(engine, LATER, [LATER.date()])
    with engine.connect() as connection:
        read = connection.execute(sa.text("SELECT * FROM read_search_plan()")).mappings().all()
    assert [dict(row) for row in read] == live_plan(engine)


# ---- the command


def shown(engine: sa.Engine) -> str:
    console = Console(width=120, record=True, file=StringIO())
    console.print(render_plan(read_plan(engine)))
    return console.export_text()


def run_plan(engine: sa.Engine, home: Path, *words: str) -> str:
    url = engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [Path(sys.executable).with_name("replyloop"), "plan", *words],
        env=os.environ | {"REPLYLOOP_DATABASE_URL": url, "REPLYLOOP_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_the_command_shows_the_live_plan_with_its_reasons(engine: sa.Engine, tmp_path: Path) -> None:
    assert json.loads(run_plan(engine, tmp_path, "--json")) == {"source": None, "as_of": None, "queries": []}
    reply(engine, "ann", followers=12)
    fill(engine, LATER, [DAY, LATER.date()])
    answer = json.loads(run_plan(engine, tmp_path, "--json"))
    assert answer["source"] == "live"
    assert datetime.fromisoformat(answer["as_of"]) == LATER
    assert answer["queries"] == [
        {name: value for name, value in row.items() if name != "as_of"} for row in live_plan(engine)
    ]
    text = run_plan(engine, tmp_path)
    for row in answer["queries"]:
        assert row["label"] in text
    assert "The live plan, as of 2026-03-20 12:00 UTC" in text


def test_without_a_live_plan_the_newest_of_the_history_is_shown_as_such(engine: sa.Engine) -> None:
    assert shown(engine).strip() == "There is no plan yet: replyloop materialize makes one."
    reply(engine, "ann", followers=14, times=20)
    reply(engine, "lucky", followers=40)
    reply(engine, "bob", followers=2, times=20)
    fill(engine, LATER, [DAY, NEXT])
    plan = read_plan(engine)
    assert (plan["source"], plan["as_of"]) == ("history", END + timedelta(days=1))
    text = shown(engine)
    assert "Nothing is live yet; the newest plan of a past window, as of 2026-03-12 00:00 UTC" in text
    assert "1 account brought at least 10 followers per reply and may go on to, most of all ann: " in text
    assert "web  (from:ann) min_faves:5000 -filter:replies lang:en" in text
    assert "API  (from:ann) min_likes:5000 -is:reply -is:retweet lang:en" in text
    assert "52.9%  Proven accounts, priority 10" in text
    assert "10.0%  Exploration 250K+, priority 2" in text
