"""The four connections of the seed's Phase 4, each from its cause to its effect through the database."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from replyloop_assets.assets import STAGES
from replyloop_assets.automation.schedules import FACTS
from replyloop_assets_tests.life import ALL_DAYS, END, fill

NOW = END - timedelta(hours=3)
STARRED = "ex_running15"


@pytest.fixture
def loop(sample_engine: sa.Engine) -> sa.Engine:
    """Ninety days of facts, nothing computed."""
    return sample_engine


def turn(engine: sa.Engine, now: datetime = NOW) -> None:
    """The loop turns once on its running day: from the facts of every day to the decisions of the newest
    closed day and of this one, for those of the days before move nothing live."""
    fill(engine, now, ALL_DAYS, FACTS)
    fill(engine, now, ALL_DAYS[-2:], [stage for stage in STAGES if stage not in FACTS])


def ask(engine: sa.Engine, query: str, **parameters: object) -> list[sa.Row[tuple[object, ...]]]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query), parameters))


def tell(engine: sa.Engine, statement: str, **parameters: object) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement), parameters)


def tier_budgets(engine: sa.Engine) -> dict[str, float]:
    rows = ask(engine, "SELECT label, budget_share FROM read_search_plan() WHERE label LIKE 'Top tier%'")
    return {str(row.label).removeprefix("Top tier "): row.budget_share for row in rows}


def test_1_analytics_reach_the_harvester(loop: sa.Engine) -> None:
    tell(loop, "UPDATE tweet_metrics SET followers_gained = 0")
    turn(loop)
    assert not ask(loop, "SELECT FROM read_search_plan() WHERE label LIKE 'Proven%'")
    tell(
        loop,
        "UPDATE tweet_metrics SET followers_gained = 40 WHERE tweet_id IN"
        " (SELECT tweet_id FROM content_metadata WHERE target_username = :account)",
        account=STARRED,
    )
    turn(loop)
    (row,) = ask(loop, "SELECT api_query, priority FROM read_search_plan() WHERE label LIKE 'Proven%'")
    assert f"from:{STARRED}" in row.api_query
    assert row.priority == 10


def test_2_learning_reaches_generation(loop: sa.Engine) -> None:
    tell(loop, "UPDATE experiments SET status = 'failed'")
    turn(loop)
    chosen = ask(
        loop,
        "SELECT answer.generator, count(*) AS times FROM generate_series(1, 400) AS n,"
        " generator_for(:account, 'unit ' || n) AS answer GROUP BY 1",
        account=STARRED,
    )
    times = {row.generator: row.times for row in chosen}
    assert times["PersonalStory"] > 300  # four times the followers, in the life of these tests
    assert times["ResearchSynthesizer"] > 0  # and exploration stays


def test_3_performance_reaches_allocation_and_budget(loop: sa.Engine) -> None:
    turn(loop)
    before = tier_budgets(loop)
    worst = min(before, key=lambda tier: before[tier])
    tell(
        loop,
        "UPDATE tweet_metrics SET followers_gained = CASE WHEN tweet_id IN"
        " (SELECT tweet_id FROM reply_outcomes WHERE slots ->> 'engagement_tier' = :tier) THEN 50 ELSE 0 END",
        tier=worst,
    )
    turn(loop)
    (row,) = ask(
        loop,
        "SELECT probability FROM strategy_allocation"
        " WHERE strategy_type = 'engagement_tier' AND strategy_name = :tier",
        tier=worst,
    )
    assert row.probability > 0.7
    assert tier_budgets(loop)[worst] > before[worst]


def test_4_an_adopted_experiment_reaches_the_plan(loop: sa.Engine) -> None:
    turn(loop)
    before = tier_budgets(loop)
    control, treatment = (
        max(before, key=lambda tier: before[tier]),
        min(before, key=lambda tier: before[tier]),
    )
    tell(
        loop,
        """
        WITH tried AS (
            INSERT INTO experiments (
                experiment_name, hypothesis, dimension, control_strategy, treatment_strategy, status
            )
            VALUES ('tiers', 'the other tier is better', 'engagement_tier', :control, :treatment, 'completed')
            RETURNING id
        )

        INSERT INTO experiment_events (experiment_id, event, at, reason, inputs)
        SELECT id, 'decided', :at, 'better', '{"decision": "adopt", "control_share": 0.7}' FROM tried
        """,
        control=control,
        treatment=treatment,
        at=NOW - timedelta(days=1),
    )
    turn(loop, NOW + timedelta(hours=1))
    after = tier_budgets(loop)
    assert after[treatment] > before[treatment]
    assert after.get(control, 0) < before[control]
    (row,) = ask(
        loop,
        "SELECT probability FROM strategy_allocation"
        " WHERE strategy_type = 'engagement_tier' AND strategy_name = :tier",
        tier=treatment,
    )
    assert row.probability >= 0.7
