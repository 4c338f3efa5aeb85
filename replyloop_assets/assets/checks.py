"""What Dagster is told of each day of a run: whether it was computed, and from a whole window.

Dagster holds every day of a run for materialised once its asset has yielded, and plans one evaluation of a
check for each. So each day gets one, and none is waited for for ever; the run as a whole gets the worst.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from replyloop_assets.warehouse.filling import Filled

COMPUTED = "computed"
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


def expected_days(window_days: int, day: date, first: date | None) -> int:
    """The days a window should hold: its length, or fewer where the history is shorter."""
    return 0 if first is None else max(0, min(window_days, (day - first).days + 1))
