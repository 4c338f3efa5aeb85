"""Every interval that is shown is in the table, and a bench that lies is seen."""

from dataclasses import replace

import numpy as np
import pytest

from replyloop_assets.settings import Settings
from replyloop_assets.simulation.benches.intervals import NOMINAL, hold, intervals
from replyloop_assets.simulation.benches.trends import TrendBench
from replyloop_assets.simulation.world import load_world
from replyloop_assets.warehouse.queries import project_file


def test_every_interval_that_a_table_holds_is_measured() -> None:
    """A column that ends an interval belongs to a table that one of them names."""
    seen = " ".join(one.seen for one in intervals(Settings()))
    table, holders = "", set()
    for line in project_file("sql/schema.txt").read_text().splitlines():
        if line.startswith(("table", "view")):
            table = line.split()[1]
        elif any(word in line for word in ("interval_low", "lift_low", "interval_high")):
            holders.add(table.removesuffix("_history"))
    assert holders
    assert {name for name in holders if name not in seen and not name.startswith("public.")} == set()


def test_a_trends_interval_holds_the_change_that_there_is() -> None:
    bench = TrendBench(world=load_world("weekly"))
    samples = bench.sample(150, np.random.default_rng(4))
    assert bench.summarise(samples)["coverage"] == pytest.approx(NOMINAL, abs=0.06)
    steep = replace(bench, spread=0.2).sample(60, np.random.default_rng(4))
    assert np.nanmean(steep["covered"]) > 0.8


def test_each_has_its_row() -> None:
    told: list[tuple[int, int]] = []
    found = hold(Settings(), 4, 7, lambda done, all_: told.append((done, all_)), processes=1)
    assert told[-1] == (len(found), len(found)) == (len(intervals(Settings())),) * 2
    assert all(one.nominal == NOMINAL and one.coverage is not None for one in found)
