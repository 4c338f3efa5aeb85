"""The graph is what the list of stages says, and every asset says what it is."""

import subprocess
import sys
from graphlib import TopologicalSorter
from itertools import pairwise

import dagster as dg
import pytest

from replyloop_assets.assets import REACH, STAGE_MODULES, STAGES
from replyloop_assets.definitions import defs
from replyloop_assets.warehouse.queries import project_file

GRAPH = defs.resolve_asset_graph()
SOURCE = "reply_opportunities"
LINEAGE = (
    "reply_opportunities",
    "classified_opportunities",
    "reply_outcomes",
    "daily_rollup",
    "reply_performance_analytics",
    "generator_preferences",
    "strategy_allocation",
    "policy_evaluation",
    "search_plan",
    "experiment_results",
    "health_status",
)
BESIDE = ("error_analysis",)  # it reads what went wrong, and no stage of the chain


def test_the_list_of_stages_is_the_lineage_of_the_graph() -> None:
    assert (SOURCE, *(stage.name for stage in STAGES)) == LINEAGE + BESIDE
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in GRAPH.get(key).parent_keys}
        for key in GRAPH.get_all_asset_keys()
    }
    for before, after in pairwise(LINEAGE):
        assert before in parents[after]
    order = [name for name in TopologicalSorter(parents).static_order() if name in LINEAGE]
    assert tuple(order) == LINEAGE
    assert not any(parents[name] & set(LINEAGE) or parents[name] == set() for name in BESIDE)


@pytest.mark.parametrize("module", STAGE_MODULES, ids=lambda module: module.STAGE.name)
def test_one_word_per_stage(module: object) -> None:
    name = module.STAGE.name
    assert module.__name__ == f"replyloop_assets.assets.{name}"
    assert module.asset.key == dg.AssetKey(name)
    assert module.STAGE.writes in (name, f"{name}_history")
    text = project_file(f"sql/stages/{name}.sql").read_text()
    assert text.startswith("-- Grain: ")


@pytest.mark.parametrize(
    "key", sorted(GRAPH.get_all_asset_keys(), key=str), ids=lambda key: key.to_user_string()
)
def test_every_asset_is_grouped_described_typed_and_owned(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert node.group_name in ("x", "bot", "facts", "decisions")
    assert node.description
    assert node.owners
    assert any(tag.startswith("dagster/kind/") for tag in node.tags)
    assert node.group_name == "x" or node.metadata["dagster/column_schema"].columns


def test_the_chain_has_one_clock() -> None:
    definitions = {GRAPH.get(dg.AssetKey(name)).partitions_def for name in LINEAGE + BESIDE}
    assert len(definitions) == 1


def test_a_day_rests_on_all_the_days_upstream_of_it() -> None:
    assert REACH["daily_rollup"] == 1
    assert REACH["strategy_allocation"] == 120
    assert REACH["experiment_results"] == 60
    assert "error_analysis" not in REACH  # a late post moves no error


def test_the_code_location_loads() -> None:
    """No job bears the name of another, or of an asset."""
    dg.Definitions.validate_loadable(defs)


def test_statistics_are_not_loaded_with_the_graph() -> None:
    """Importing statsmodels costs 3 s and 100 MB in each code server."""
    code = (
        "import sys, replyloop_assets.definitions;"
        "print([name for name in ('statsmodels', 'scipy.stats', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
