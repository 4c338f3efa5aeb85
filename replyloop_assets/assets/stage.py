"""What every stage's asset has in common: fill the days of the run, one transaction each, and report.

A stage module says what it reads, writes and decides. This module turns that into an asset on the one
clock, with its lineage, its columns and its checks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from replyloop_assets import clock
from replyloop_assets.assets.checks import (
    check_day,
    check_run,
    computed_check,
    expected_days,
    take_back_planned,
    tell_days,
)
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.partitions import PARTITIONS, Window
from replyloop_assets.reporting.columns import table_schema
from replyloop_assets.settings import Settings
from replyloop_assets.warehouse.filling import Filled, Read, fill_windows, record_failure
from replyloop_assets.warehouse.open_days import first_fact_day

OWNERS = ["team:replyloop"]


@dataclass(frozen=True)
class Runtime:
    """What a run works with: the database, the settings, the clock, and who watches the progress."""

    engine: sa.Engine
    settings: Settings
    now: Callable[[], datetime] = clock.now
    on_day: Callable[[str, date], None] = lambda stage, day: None


@dataclass(frozen=True)
class Stage:
    """One stage of the chain.

    `compute` writes the rows of some windows into `table` inside the transaction given, and returns how many
    of each; its last argument is the number of days that each window holds (`one_by_one`). `reads` are the
    upstream stages whose rows it uses, each with its window; `external` the assets of no stage whose facts
    it reads, over `fact_days`. Both are what its SQL reads, nothing more and nothing less.
    """

    name: str
    group: str
    compute: Callable[[sa.Connection, Sequence[Window], Settings, Sequence[int]], Sequence[int]]
    reads: Sequence[Read] = ()
    external: Sequence[str] = ()
    table: str = ""
    fact_days: int = 1
    kinds: frozenset[str] = frozenset({"postgres", "sql"})

    @property
    def writes(self) -> str:
        """The table of the stage's rows: its own name, unless that one is live."""
        return self.table or self.name

    @property
    def window_days(self) -> int:
        """The longest window it reads."""
        return max((read.days for read in self.reads), default=1)

    def fill(self, runtime: Runtime, window: Window) -> Filled | None:
        """Fill one day; None where something newer is there.

        Raises:
            ReplyloopError: a day that the window needs could not be computed.
        """
        return self.fill_batch(runtime, [window])[0]

    def fill_batch(self, runtime: Runtime, windows: Sequence[Window]) -> list[Filled | None]:
        """Fill some days in one transaction: all of them, or none."""
        return fill_windows(
            runtime.engine,
            self.name,
            self.writes,
            self.reads,
            windows,
            lambda connection, due, held: self.compute(connection, due, runtime.settings, held),
        )

    def fill_days(
        self, runtime: Runtime, windows: Sequence[Window]
    ) -> Iterator[tuple[Window, Filled | Exception | None]]:
        """Fill many days in batches; one that cannot be computed yields why, and the others go on.

        A batch is as large as the settings allow and as the rows of the one before make it; one that fails is
        halved until what fails is a single day.
        """
        size, left = 1, sorted(windows, key=lambda window: window.day)
        while left:
            batch, left = left[:size], left[size:]
            most = 1
            for window, result in self._fill_or_halve(runtime, batch):
                most = max(most, result.rows) if isinstance(result, Filled) else most
                yield window, result
            size = max(1, min(runtime.settings.batch_windows, runtime.settings.batch_rows // most))

    def _fill_or_halve(
        self, runtime: Runtime, windows: Sequence[Window]
    ) -> Iterator[tuple[Window, Filled | Exception | None]]:
        try:
            results = self.fill_batch(runtime, windows)
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise  # the database is gone: no day can be computed, nor a failure recorded
            if len(windows) == 1:
                yield windows[0], error
                return
            half = len(windows) // 2
            for part in (windows[:half], windows[half:]):
                yield from self._fill_or_halve(runtime, part)
        else:
            yield from zip(windows, results, strict=True)


def one_by_one(
    compute: Callable[[sa.Connection, Window, Settings, int], int],
) -> Callable[[sa.Connection, Sequence[Window], Settings, Sequence[int]], list[int]]:
    """What computes one window as what computes many, one after the other."""

    def compute_all(
        connection: sa.Connection, windows: Sequence[Window], settings: Settings, held: Sequence[int]
    ) -> list[int]:
        pairs = zip(windows, held, strict=True)
        return [compute(connection, window, settings, days_held) for window, days_held in pairs]

    return compute_all


def stage_asset(stage: Stage, description: str) -> dg.AssetsDefinition:
    """The stage as an asset: partitioned, described, typed, owned, checked.

    To Dagster a day depends on the same day of what is read, and the description tells the window: of windows
    known to it, a backfill would go on through every day whose window holds one of those chosen. What is
    stale is for `first_open_day` to say.
    """
    windows = ", ".join(f"{read.days} days of {read.stage}" for read in stage.reads if read.days > 1)

    @dg.asset(
        name=stage.name,
        group_name=stage.group,
        description=f"{description} A day reads {windows}." if windows else description,
        owners=OWNERS,
        kinds=set(stage.kinds),
        partitions_def=PARTITIONS,
        deps=[*(read.stage for read in stage.reads), *stage.external],
        metadata={
            "dagster/column_schema": table_schema(stage.writes),
            "dagster/table_name": stage.writes,
            "window_days": stage.window_days,
        },
        check_specs=[computed_check(stage.name)],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def stage_definition(
        context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster reads this annotation and knows it bare
        return materialize_days(context, stage, runtime)

    return stage_definition


def materialize_days(
    context: dg.AssetExecutionContext, stage: Stage, runtime: Runtime
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Fill every day of the run. A day that cannot be computed is named and left; the others go on.

    The run goes on too, for a failing stage must not stop those that do not read it: the day's check,
    `stage_failures` and `system_events` say what failed. To Dagster all days of the run are materialised.
    """
    now = runtime.now()
    filled: dict[str, Filled] = {}
    failed: dict[str, str] = {}
    windows = [Window.at(date.fromisoformat(key), now) for key in context.partition_keys]
    for window, result in stage.fill_days(runtime, windows):
        key = window.day.isoformat()
        if isinstance(result, Exception):
            failed[key] = sentence(result)
            context.log.warning(f"{stage.name} of {key} was left as it was: {failed[key]}")
            record_failure(runtime.engine, stage.name, window.day, failed[key])
            context.add_asset_metadata({"not_computed": failed[key]}, partition_key=key)
        elif result is not None:
            filled[key] = result
            context.add_asset_metadata(
                {"dagster/partition_row_count": result.rows, "days_held": result.days_held},
                partition_key=key,
            )
        runtime.on_day(stage.name, window.day)
    first = first_fact_day(runtime.engine)
    since = first and max(first, runtime.settings.history_start)
    checked = [
        check_day(
            stage.name,
            key,
            filled.get(key),
            failed.get(key),
            expected_days(stage.window_days, date.fromisoformat(key), since),
        )
        for key in context.partition_keys
    ]
    for one in tell_days(context.instance, stage.name, checked):
        context.log_event(one)
    if len(checked) > 1:
        take_back_planned(context.instance, stage.name, context.run.run_id)
    return dg.MaterializeResult(
        metadata={
            "days": len(filled),
            "rows": sum(result.rows for result in filled.values()),
            "as_of": now.isoformat(timespec="seconds"),
        },
        check_results=[check_run(checked)],
    )


def sentence(error: Exception) -> str:
    """The first line of an error, without the statement and parameters that carry people's text."""
    origin = getattr(error, "orig", None) or error
    text = str(origin).strip().splitlines()
    return (
        text[0]
        if isinstance(error, ReplyloopError)
        else f"{type(origin).__name__}: {text[0] if text else ''}"
    )
