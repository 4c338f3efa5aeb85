"""A backfill as the UI launches it: the days chosen, in one run, and nothing that is live."""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.asset_graph_view.asset_graph_view import AssetGraphView, TemporalContext
from dagster._core.definitions.assets.graph.remote_asset_graph import RemoteWorkspaceAssetGraph
from dagster._core.execution.asset_backfill import AssetBackfillData, execute_asset_backfill_iteration_inner
from dagster._core.test_utils import mock_workspace_from_repos

from replyloop_assets.assets import ASSETS, STAGES
from replyloop_assets.definitions import defs
from replyloop_assets_tests.life import ALL_DAYS, QUIET, fill, live_rows, load_life, runtime_at

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Dagster's own, of its own
NOW = datetime.combine(ALL_DAYS[35], time(6), UTC)
NAMES = [stage.name for stage in STAGES]
DROP = """
    UPDATE health_status
    SET status = 'degraded', pivot_warranted = TRUE, episode_started_at = as_of - INTERVAL '5 days'
    WHERE day = (SELECT max(day) FROM health_status)
"""


def live(engine: sa.Engine) -> None:
    """Some days, the running one among them, and a drop for which a pivot is due."""
    load_life(engine)
    fill(engine, NOW, ALL_DAYS[29:36])
    with engine.begin() as connection:
        connection.exec_driver_sql(DROP)


def backfill(
    engine: sa.Engine, names: Sequence[str], days: Sequence[date]
) -> list[tuple[set[str], dg.ExecuteInProcessResult]]:
    """What the daemon makes of days and assets chosen in the UI, and each of its runs."""
    started, runs = datetime.now(UTC), []
    graph = RemoteWorkspaceAssetGraph.build(mock_workspace_from_repos([defs.get_repository_def()]))
    with dg.DagsterInstance.ephemeral() as instance:
        data = AssetBackfillData.from_asset_partitions(
            asset_graph=graph,
            partition_names=[str(day) for day in days],
            asset_selection=[dg.AssetKey(name) for name in names],
            dynamic_partitions_store=instance,
            backfill_start_timestamp=started.timestamp(),
            all_partitions=False,
        )
        while True:
            newest = instance.event_log_storage.get_maximum_record_id()
            seen = TemporalContext(effective_dt=started, last_event_id=newest)
            view = AssetGraphView(temporal_context=seen, instance=instance, asset_graph=graph)
            turn = execute_asset_backfill_iteration_inner(
                "backfill", data, view, started.timestamp(), logging.getLogger("backfill"), None
            )
            if not turn.run_requests:
                return runs
            data = turn.backfill_data
            for request in turn.run_requests:
                chosen = {key.to_user_string() for key in request.asset_selection or []}
                done = dg.materialize(
                    ASSETS,
                    selection=dg.AssetSelection.assets(*chosen),
                    instance=instance,
                    resources={"runtime": runtime_at(engine, NOW + timedelta(hours=1))},
                    run_config=QUIET,
                    partition_key=request.partition_key,
                    tags=dict(request.tags) | {"dagster/backfill": "backfill"},
                )
                runs.append((chosen, done))


def computed_since(engine: sa.Engine, instant: datetime) -> dict[str, list[date]]:
    query = "SELECT stage, day FROM stage_days WHERE computed_at >= :instant ORDER BY day"
    found: dict[str, list[date]] = {}
    with engine.connect() as connection:
        for stage, day in connection.execute(sa.text(query), {"instant": instant}):
            found.setdefault(stage, []).append(day)
    return found


def test_the_days_chosen_are_filled_in_one_run_and_nothing_live_moves(engine: sa.Engine) -> None:
    live(engine)
    before, began, days = live_rows(engine), datetime.now(UTC), ALL_DAYS[31:34]
    assert all(before[table] for table in ("strategy_allocation", "search_plan", "discovered_accounts"))
    stages, beside = backfill(engine, [*NAMES, "pivots"], days)
    assert stages[0] == set(NAMES)
    assert computed_since(engine, began) == dict.fromkeys(NAMES, days)
    assert live_rows(engine) == before
    # what has no days gets a run of its own, and does nothing in it
    assert beside[0] == {"pivots"}
    (event,) = beside[1].asset_materializations_for_node("pivots")
    assert event.metadata["move"].value == "none"
    assert event.metadata["reason"].value == "A backfill opens no pivot, and closes none."
    # and a selection alone
    for names in (["daily_rollup", "health_status"], ["strategy_allocation"]):
        began = datetime.now(UTC)
        ((chosen, _),) = backfill(engine, names, days)
        assert chosen == set(names)
        assert computed_since(engine, began) == dict.fromkeys(names, days)
    assert live_rows(engine) == before
