"""`replyloop simulate loop`: whole lives side by side, on a server of their own that goes with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, wait
from datetime import date
from multiprocessing import get_context
from queue import Queue
from typing import Literal

import numpy as np

from replyloop_assets.learning.experiments.looks import ADOPT, REJECT
from replyloop_assets.learning.lazily import pd
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.settings import Settings
from replyloop_assets.simulation.life import Lived, Play, play_life
from replyloop_assets.simulation.outcomes import Floats
from replyloop_assets.simulation.workers import workers
from replyloop_assets.warehouse.databases import ensure_database, publish_settings
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate

FIRST_DAY = date(2026, 1, 5)
RULED = ("generators", "allocation", "experiments", "health")
OTHER = {"seed": "seed_rules", "no-pivots": "no_pivots"}
BLOCK_DAYS = 7  # days next to each other are alike: the standard error goes by weeks

Rule = Literal["default", "seed"]
Against = Literal["seed", "no-pivots"]


def by_rule(settings: Settings, rule: Rule) -> Settings:
    """The settings with one rule for every component, and a history that the life lies in."""
    # not checked anew: the other rule takes the shares that were set for this one as proportions
    ruled = {name: getattr(settings, name).model_copy(update={"rule": rule}) for name in RULED}
    return settings.model_copy(update={**ruled, "history_start": FIRST_DAY})


def rivals(settings: Settings, rule: Rule, against: Against) -> list[Settings]:
    """The settings of a life, and of the one it is held against where that is another."""
    ours = by_rule(settings, rule)
    if against == "no-pivots":
        features = settings.features.model_copy(update={"pivots": False})
        return [ours, ours.model_copy(update={"features": features})]
    return [ours] if rule == against else [ours, by_rule(settings, against)]


def live_once(url: str, play: Play, settings: Settings, days: Queue[int]) -> Lived:
    """One life in a new database of that URL; every day is told to `days`."""
    ensure_database(url)
    engine = create_engine(url)
    try:
        with engine.begin() as connection:  # nothing here must outlast a crash
            name = connection.dialect.identifier_preparer.quote_identifier(str(engine.url.database))
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        engine.dispose()
        migrate(engine)
        publish_settings(engine, settings)
        return play_life(play, engine, settings, days.put)
    finally:
        engine.dispose()


def live(
    plays: list[tuple[Play, Settings]], on_day: Callable[[int, int], None] = lambda done, all_: None
) -> list[Lived]:
    """Lives in parallel, one per processor."""
    total, done = sum(play.days for play, _ in plays), 0
    with (
        throwaway_server(plays[0][1].postgres_bin) as server,
        get_context("spawn").Manager() as manager,
        workers(len(plays)) as pool,
    ):
        days = manager.Queue()
        futures = [
            pool.submit(live_once, server.url(f"life_{n}"), play, settings, days)
            for n, (play, settings) in enumerate(plays)
        ]
        while wait(futures, timeout=0.2, return_when=FIRST_EXCEPTION).not_done:
            while not days.empty():
                days.get()
                done += 1
                on_day(done, total)
            for future in futures:
                if future.done():
                    future.result()  # a life that failed ends the others
        return [future.result() for future in futures]


def compare(
    plays: list[Play],
    rule: Rule,
    against: Against,
    settings: Settings,
    on_day: Callable[[int, int], None] = lambda done, all_: None,
) -> tuple[dict[str, object], Lived, Lived]:
    """Live by a rule, and by the seed's literal rules or without pivots, with the same luck.

    Returns:
        What came of it (docs/worlds.md), and the first life and the one that it is held against.
    """
    both = rivals(settings, rule, against)
    lived = live([(play, one) for play in plays for one in both], on_day)
    ours, others = lived[:: len(both)], lived[len(both) - 1 :: len(both)]
    return report(ours, others, OTHER[against]), ours[0], others[0]


def report(ours: list[Lived], others: list[Lived], other: str) -> dict[str, object]:
    """The figures of the loop bench, with standard errors, and its first life by day."""
    daily, rival = ([one.daily[one.daily["decided"]] for one in lives] for lives in (ours, others))
    oracle = weekly(daily, "oracle")
    answer: dict[str, object] = {}
    for key, reward in (
        ("oracle_fraction", weekly(daily, "reward")),
        ("uniform_fraction", weekly(daily, "uniform")),
        (f"{other}_fraction", weekly(rival, "reward")),
    ):
        answer[key], answer[f"{key}_se"] = fraction(reward, oracle)
    over_lives: dict[str, list[float]] = {
        "gain": [
            (a["reward"].sum() - b["reward"].sum()) / a["oracle"].sum()
            for a, b in zip(daily, rival, strict=True)
        ],
        "pivots_true": [int(one.pivots["is_true"].sum()) for one in ours],
        "pivots_false": [int((~one.pivots["is_true"].astype(bool)).sum()) for one in ours],
        "experiments_right": [right(one.experiments) for one in ours],
        "experiments_wrong": [wrong(one.experiments) for one in ours],
    }
    for key, of_lives in over_lives.items():
        answer[key] = float(np.mean(of_lives))
        answer[f"{key}_se"] = (
            float(np.std(of_lives, ddof=1) / len(of_lives) ** 0.5) if len(of_lives) > 1 else None
        )
    columns = ["opened", "closed", "is_true"]
    answer["pivots"] = [json.loads(one.pivots[columns].to_json(orient="records")) for one in ours]
    by_day = ours[0].daily.assign(**{other: others[0].daily["reward"]})
    answer["by_day"] = by_day.round(3).to_dict("records")
    return answer


def weekly(daily: list[pd.DataFrame], column: str) -> Floats:
    """Sums over the weeks of all lives."""
    return np.concatenate(
        [one.groupby(one["day"] // BLOCK_DAYS)[column].sum().to_numpy(float) for one in daily]
    )


def fraction(reward: Floats, oracle: Floats) -> tuple[float | None, float | None]:
    """A ratio of sums and its standard error, by leaving out a week at a time (Quenouille, Tukey)."""
    if not oracle.sum() > 0:
        return None, None
    value = reward.sum() / oracle.sum()
    if len(oracle) < 2:
        return float(value), None
    left = (reward.sum() - reward) / (oracle.sum() - oracle)
    error = np.sqrt((len(left) - 1) * ((left - left.mean()) ** 2).mean())
    return float(value), float(error)


def right(experiments: pd.DataFrame) -> int:
    """Adopted what is better, or rejected what is worse."""
    better = experiments["lift"] > 0
    worse = experiments["lift"] < 0
    decision = experiments["decision"].where(experiments["ended"].notna())
    return int(((decision == ADOPT) & better | (decision == REJECT) & worse).sum())


def wrong(experiments: pd.DataFrame) -> int:
    """Adopted what is no better, or rejected what is no worse; what the truth does not know is neither."""
    decision = experiments["decision"].where(experiments["ended"].notna())
    adopted, rejected = decision == ADOPT, decision == REJECT
    return int((adopted & (experiments["lift"] <= 0) | rejected & (experiments["lift"] >= 0)).sum())
