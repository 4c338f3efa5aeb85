"""What Dagster is told of the days of a run: whether they were computed, and from whole windows.

Dagster holds every day of a run for materialised once its asset has yielded, and plans one evaluation of a
check for each. The run as a whole gets the worst verdict. A day of a range has one of its own where it is not
well, or was not before: each costs as much as the day itself, and the others have nothing to say. What was
planned for them is taken back, so that none is waited for for ever.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from replyloop_assets.warehouse.filling import Filled

COMPUTED = "computed"
MOST_PAST = 10_000  # verdicts looked back at
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def computed_check(asset: str) -> dg.AssetCheckSpec:
    """The one check that each stage has."""
    return dg.AssetCheckSpec(
        COMPUTED,
        asset=asset,
        description="Each day was computed: else it is an error. Its window held all the days since the "
        "first fact: else it is a warning.",
    )


def check_day(
    asset: str, day: str, filled: Filled | None, failure: str | None, expected: int
) -> dg.AssetCheckEvaluation:
    """What became of one day; neither filled nor failed is one of which something newer is there.

    Args:
        failure: why it could not be computed.
        expected: the days that its window should hold.
    """
    passed, severity, metadata = True, ERROR, dict[str, str | int]()
    if failure is not None:
        passed, metadata = False, {"not_computed": failure}
    elif filled is not None:
        passed, severity = filled.days_held >= expected, WARN
        metadata = {"days_held": filled.days_held, "days_expected": expected}
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(asset),
        check_name=COMPUTED,
        passed=passed,
        severity=severity,
        metadata=metadata,
        partition=day,
    )


def check_run(days: Sequence[dg.AssetCheckEvaluation]) -> dg.AssetCheckResult:
    """The worst of a run's days, with the reasons of those that were not computed."""
    wrong = [day for day in days if not day.passed]
    failed = {str(day.partition): day.metadata["not_computed"] for day in wrong if day.severity is ERROR}
    return dg.AssetCheckResult(
        check_name=COMPUTED,
        passed=not wrong,
        severity=ERROR if failed else WARN,
        metadata={"short_windows": len(wrong) - len(failed), **failed},
    )


def tell_days(
    instance: dg.DagsterInstance, asset: str, days: Sequence[dg.AssetCheckEvaluation]
) -> list[dg.AssetCheckEvaluation]:
    """The verdicts worth an event: that of an only day, those of days not well, or not well before."""
    if len(days) == 1:
        return list(days)
    key = dg.AssetCheckKey(dg.AssetKey(asset), COMPUTED)
    past = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=MOST_PAST, status={AssetCheckExecutionRecordStatus.FAILED}
    )
    unwell = {record.partition for record in past}
    return [day for day in days if not day.passed or day.partition in unwell]


def take_back_planned(instance: dg.DagsterInstance, asset: str, run_id: str) -> None:
    """Forget the evaluations that Dagster planned for days of a run which have nothing to say."""
    storage, planned = instance.event_log_storage, AssetCheckExecutionRecordStatus.PLANNED.value
    if isinstance(storage, SqlEventLogStorage):
        table = AssetCheckExecutionsTable
        of_run = (table.c.run_id == run_id) & (table.c.asset_key == dg.AssetKey(asset).to_string())
        with storage.index_connection() as connection:
            connection.execute(table.delete().where(of_run & (table.c.execution_status == planned)))


def expected_days(window_days: int, day: date, first: date | None) -> int:
    """The days a window should hold: its length, or fewer where the history is shorter."""
    return 0 if first is None else max(0, min(window_days, (day - first).days + 1))
