"""90 days of a synthetic bot's life as files, in the formats X and a bot really use."""

from datetime import timedelta

import sqlalchemy as sa

from replyloop_assets_tests.sample.writing import DAYS, EXPERIMENT, EXPERIMENT_FROM, FIRST, FOLDER

FILES = [
    FOLDER / "decisions.csv",
    FOLDER / "x_api_v2_posts.jsonl",
    FOLDER / "account_analytics_content.csv",
]
FIRST_DAY = FIRST.date()
LAST_DAY = (FIRST + timedelta(days=DAYS - 1)).date()

START = sa.text("""
    INSERT INTO experiments (
        id, experiment_name, hypothesis, dimension, control_strategy, treatment_strategy,
        control_allocation_pct, treatment_allocation_pct, started_at, created_at
    )
    VALUES (
        :id, 'Stories instead of research', 'A personal story brings more followers', 'generator',
        'ResearchSynthesizer', 'PersonalStory', 70, 30, :started_at, :started_at
    )
    ON CONFLICT (id) DO NOTHING
""")


def start_experiment(engine: sa.Engine) -> None:
    """Register the experiment that the sample's bot took part in; once, whatever is repeated."""
    started_at = FIRST + timedelta(days=EXPERIMENT_FROM)
    with engine.begin() as connection:
        connection.execute(START, {"id": EXPERIMENT, "started_at": started_at})
