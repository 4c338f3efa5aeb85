"""The graph is what the list of stages says, and every asset says what it is."""

import subprocess
import sys
from itertools import pairwise

import dagster as dg
import pytest

from replyloop_assets.assets import REACH, STAGE_MODULES, STAGES
from replyloop_assets.definitions import defs
from replyloop_assets.warehouse.queries import project_file

GRAPH = defs.resolve_asset_graph()
NAMES = [stage.name for stage in STAGES]
GROUPS = ("x", "bot", "facts", "record", "decisions")


def parents(name: str) -> set[str]:
    return {key.to_user_string() for key in GRAPH.get(dg.AssetKey(name)).parent_keys}


def test_the_list_of_stages_is_an_order_of_the_graph() -> None:
    """What each stage reads stands before it; `test_lineage` says that these edges are the reads."""
    declared = [{*(read.stage for read in stage.reads), *stage.external} for stage in STAGES]
    assert [parents(name) for name in NAMES] == declared
    for place, name in enumerate(NAMES):
        assert parents(name) & set(NAMES) <= set(NAMES[:place]), name
    assert list(REACH) == [name for name in NAMES if name != "error_analysis"]


def test_the_chain_of_the_mission_is_made_of_edges() -> None:
    chain = (
        "reply_opportunities", "classified_opportunities", "reply_outcomes", "daily_rollup",
        "reply_performance_analytics", "strategy_allocation", "search_plan",
    )  # fmt: skip
    for before, after in [
        *pairwise(chain),
        ("experiment_results", "health_status"),
        ("health_status", "pivots"),
    ]:
        assert before in parents(after)
    assert "strategy_allocation" in parents("experiment_results")


def test_a_fact_that_would_close_a_cycle_says_so() -> None:
    for name in ("experiment_decisions", "pivot_decisions"):
        assert parents(name) == set()
        assert "close a cycle" in str(GRAPH.get(dg.AssetKey(name)).description)


def test_to_dagster_a_day_depends_on_the_same_day_and_the_description_tells_the_window() -> None:
    """Windows known to Dagster let a backfill of some days fill hundreds."""
    for stage in STAGES:
        asset = defs.get_assets_def(stage.name)
        for read in stage.reads:
            mapping = asset.get_partition_mapping(dg.AssetKey(read.stage))
            assert mapping is None or isinstance(mapping, dg.IdentityPartitionMapping)
            window = f"{read.days} days of {read.stage}"
            assert (window in str(GRAPH.get(asset.key).description)) == (read.days > 1)


@pytest.mark.parametrize("module", STAGE_MODULES, ids=lambda module: module.STAGE.name)
def test_one_word_per_stage(module: object) -> None:
    name = module.STAGE.name
    assert module.__name__ == f"replyloop_assets.assets.{name}"
    assert module.asset.key == dg.AssetKey(name)
    assert module.STAGE.writes in (name, f"{name}_history")
    own = project_file(f"sql/stages/{name}.sql")
    if not own.exists():  # what it reads is read in the same way by others
        assert "read_daily_sums" in vars(module)
        own = project_file("sql/facts/daily_sums.sql")
    assert own.read_text().startswith("-- Grain: ")


@pytest.mark.parametrize(
    "key", sorted(GRAPH.get_all_asset_keys(), key=str), ids=lambda key: key.to_user_string()
)
def test_every_asset_is_grouped_described_typed_and_owned(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert node.group_name in GROUPS
    assert node.description
    assert node.owners
    assert any(tag.startswith("dagster/kind/") for tag in node.tags)
    assert node.group_name == "x" or node.metadata["dagster/column_schema"].columns


def test_the_chain_has_one_clock() -> None:
    definitions = {GRAPH.get(dg.AssetKey(name)).partitions_def for name in ("reply_opportunities", *NAMES)}
    assert len(definitions) == 1


def test_a_day_rests_on_all_the_days_upstream_of_it() -> None:
    assert REACH["daily_rollup"] == 1  # the posts found before are traced to the replies to them
    assert REACH["strategy_allocation"] == 120
    assert REACH["experiment_results"] == 60
    assert "error_analysis" not in REACH  # a late post moves no error


def test_the_code_location_loads() -> None:
    """No job bears the name of another, or of an asset."""
    dg.Definitions.validate_loadable(defs)


def test_statistics_are_not_loaded_with_the_graph() -> None:
    """Importing statsmodels costs 3 s and 100 MB in each code server, pandas 0.3 s and 40 MB."""
    code = (
        "import sys, replyloop_assets.definitions;"
        "print([name for name in ('statsmodels', 'scipy', 'matplotlib', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
