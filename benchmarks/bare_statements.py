"""What classifying and rolling up a day cost beside one bare statement, beside pandas, and row by row.

Each works on the same day in a transaction that is rolled back. The bare statements write as many rows into
equally indexed tables, but know no author's average and no histogram.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from replyloop_assets.assets import classified_opportunities, daily_rollup
from replyloop_assets.learning.dimensions import ALL, DIMENSIONS, SLOTS
from replyloop_assets.learning.metrics import METRICS
from replyloop_assets.partitions import Window, day_start
from replyloop_assets.settings import load_settings
from replyloop_assets.warehouse.frames import read_frame, write_frame

FOUND = "discovered_at >= :day_start AND discovered_at < :as_of"
CLEAR = {
    "classified_opportunities": f"""
        UPDATE found_posts SET engagement_tier = NULL, account_size_tier = NULL, timing_window = NULL
        WHERE {FOUND}
    """,
    "daily_rollup": "SELECT",
}
RATE = """
    UPDATE reply_opportunities SET
        engagement_tier = engagement_tier(like_count),
        account_size_tier = account_size_tier(author_follower_count),
        timing_window = timing_window(posted_minutes_ago),
        opportunity_score_v2 = opportunity_score(like_count, NULL, posted_minutes_ago, reply_count)
"""
POSTS = f"""
    SELECT id, like_count, author_follower_count, posted_minutes_ago, reply_count
    FROM reply_opportunities WHERE {FOUND}
"""
TAKE_BACK = """
    UPDATE reply_opportunities AS post SET
        engagement_tier = rated.tier, account_size_tier = rated.size,
        timing_window = rated.timing, opportunity_score_v2 = rated.score
    FROM rated WHERE post.id = rated.id
"""
VALUES = {
    "all": "'all'",
    "account_generator": "account || ' × ' || generator",
    "experiment": "experiment_id || '/' || experiment_variant",
    **{slot: f"slots ->> '{slot}'" for slot in SLOTS},
}
NAMES = {name: VALUES.get(name, name) for name in [ALL, *(one.name for one in DIMENSIONS)]}
COUNTS = [metric.column for metric in METRICS]
SUM_UP = f"""
    INSERT INTO daily_rollup (
        day, as_of, dimension, value, metric, reply_count, n, positives, successes,
        sum_y, sum_y2, sum_log1p, sum_log1p2, sum_log, sum_log2, bins, bin_counts
    )
    SELECT
        :day, :as_of, dimension.name, dimension.value, metric.name,
        count(*), count(y), count(*) FILTER (WHERE y > 0), count(*) FILTER (WHERE y >= 5),
        sum(y), sum(y::FLOAT ^ 2), sum(ln(1 + y::FLOAT)), sum(ln(1 + y::FLOAT) ^ 2),
        coalesce(sum(ln(y::FLOAT)) FILTER (WHERE y > 0), 0),
        coalesce(sum(ln(y::FLOAT) ^ 2) FILTER (WHERE y > 0), 0), '{{}}', '{{}}'
    FROM reply_outcomes
    CROSS JOIN LATERAL (VALUES {", ".join(f"('{name}', {read})" for name, read in NAMES.items())})
        AS dimension (name, value)
    CROSS JOIN LATERAL (VALUES {", ".join(f"('{name}', {name})" for name in COUNTS)}) AS metric (name, y)
    WHERE day = :day AND dimension.value IS NOT NULL
    GROUP BY dimension.name, dimension.value, metric.name
"""
REPLIES = (
    f"SELECT {', '.join(f'{read} AS {name}' for name, read in NAMES.items())}, {', '.join(COUNTS)} "
    "FROM reply_outcomes WHERE day = :day"
)
Way = Callable[[sa.Connection, Window], Any]


def span(window: Window) -> dict[str, Any]:
    """The day as the statements name it."""
    return {"day": window.day, "day_start": day_start(window.day), "as_of": window.as_of}


def classify(connection: sa.Connection, window: Window) -> None:
    """The stage."""
    classified_opportunities.STAGE.compute(connection, [window], load_settings(), [1])


def bare_update(connection: sa.Connection, window: Window) -> None:
    """The tiers and scores of a day's posts."""
    connection.execute(sa.text(f"{RATE} WHERE {FOUND}"), span(window))


def classify_by_row(connection: sa.Connection, window: Window) -> None:
    """The same, one statement to each post."""
    for one in read_frame(connection, POSTS, span(window))["id"]:
        connection.execute(sa.text(f"{RATE} WHERE id = :id"), {"id": one})


def classify_in_pandas(connection: sa.Connection, window: Window) -> None:
    """The same in arrays, and back by COPY and a join."""
    posts = read_frame(connection, POSTS, span(window))
    likes, size, age, crowd = posts[list(posts.columns[1:])].to_numpy(float).T
    score = np.minimum(likes / 2000, 50) + np.select([age < 120, age < 360, age < 1440], [20, 10, 5], 0)
    score -= np.select([crowd > 500, crowd > 200, crowd > 100], [20, 10, 5], 0)
    tiers = [likes >= least for least in (100_000, 50_000, 25_000, 10_000, 5_000)]
    rated = pd.DataFrame(
        {
            "id": posts["id"],
            "tier": np.select(tiers, ["100K+", "50K-100K", "25K-50K", "10K-25K", "5K-10K"], "<5K"),
            "size": np.select(
                [size >= 1e6, size >= 5e5, size >= 1e5], ["1M+", "500K-1M", "100K-500K"], "<100K"
            ),
            "timing": np.select([age < 120, age < 360, age < 1440], ["<2h", "2-6h", "6-24h"], "24h+"),
            "score": np.maximum(score, 0),
        }
    )
    columns = "id UUID, tier TEXT, size TEXT, timing TEXT, score NUMERIC"
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE rated ({columns}) ON COMMIT DROP")
    write_frame(connection, "rated", rated)
    connection.execute(sa.text(TAKE_BACK))


def roll_up(connection: sa.Connection, window: Window) -> None:
    """The stage."""
    daily_rollup.STAGE.compute(connection, [window], load_settings(), [1])


def bare_group_by(connection: sa.Connection, window: Window) -> None:
    """Counts and sums, without histograms."""
    connection.execute(sa.text(SUM_UP), span(window))


def roll_up_in_pandas(connection: sa.Connection, window: Window) -> None:
    """The same in frames, and back by COPY."""
    replies = read_frame(connection, REPLIES, span(window))
    long = replies.melt(id_vars=COUNTS, value_vars=list(NAMES), var_name="dimension").dropna(subset="value")
    long = long.melt(id_vars=["dimension", "value"], value_vars=COUNTS, var_name="metric", value_name="y")
    y = long["y"].astype(float)
    hit = y.where(y > 0)
    long = long.assign(
        positives=y > 0, successes=y >= 5, sum_y2=y**2, sum_log1p=np.log1p(y), sum_log1p2=np.log1p(y) ** 2,
        sum_log=np.log(hit), sum_log2=np.log(hit) ** 2,
    )  # fmt: skip
    groups = long.groupby(["dimension", "value", "metric"])
    sums = groups[list(long.columns[4:])].sum()
    sums = sums.assign(
        reply_count=groups.size(), n=groups["y"].count(), sum_y=groups["y"].sum()
    ).reset_index()
    write_frame(connection, "daily_rollup", sums, day=window.day, as_of=window.as_of, bins=[], bin_counts=[])


PEERS: dict[str, tuple[Way, ...]] = {
    "classified_opportunities": (classify, bare_update, classify_in_pandas, classify_by_row),
    "daily_rollup": (roll_up, bare_group_by, roll_up_in_pandas),
}


def compare(engine: sa.Engine, window: Window, cpu_time: Callable[[sa.Engine], float], rounds: int) -> None:
    """Print the CPU time of each, in milliseconds, and as a multiple of the stage's."""
    for table, ways in PEERS.items():
        times: dict[str, list[float]] = {way.__name__: [] for way in ways}
        for _ in range(1 + rounds):
            for way in ways:
                with engine.connect() as connection, connection.begin() as transaction:
                    connection.execute(sa.text(f"DELETE FROM {table} WHERE day = :day"), span(window))
                    connection.execute(sa.text(CLEAR[table]), span(window))
                    began = cpu_time(engine)
                    way(connection, window)
                    times[way.__name__].append(1000 * (cpu_time(engine) - began))
                    transaction.rollback()
        own = median(times[ways[0].__name__][1:])
        print(f"\n{table} of a day; cpu-ms, and as a multiple of the stage's")
        for name, values in times.items():
            print(f"  {name:<40}{median(values[1:]):9.1f}{median(values[1:]) / own:8.2f}")
