"""`replyloop simulate intervals`: whether the intervals that are shown hold what they claim."""

from rich.console import Console
from rich.progress import MofNCompleteColumn
from rich.table import Table

from replyloop_assets.cli.db import Json
from replyloop_assets.cli.simulate import Reps, Seed, describe
from replyloop_assets.cli.workplace import progress_bar, write_json


def intervals(reps: Reps = 400, seed: Seed = 1, as_json: Json = False) -> None:
    """How often each interval that the loop shows anywhere holds the truth, in worlds where that is known.

    Each claims 95%. Health shows no interval: its alarm and its diagnosis are yes or no, with the error rates
    that `replyloop simulate health` measures.
    """
    from replyloop_assets.settings import load_settings
    from replyloop_assets.simulation.benches.intervals import hold

    with progress_bar("Playing", MofNCompleteColumn()) as advance:
        found = hold(load_settings(), reps, seed, advance)
    if as_json:
        rows = [one._asdict() for one in found]
        write_json({"bench": "intervals", "reps": reps, "seed": seed, "intervals": rows})
        return
    table = Table("interval of", "world", "claims", "holds")
    for one in found:
        held = describe(one.coverage, one.coverage_se)
        table.add_row(one.interval, one.world, f"{one.nominal:g}", held)
    Console().print(table)
    print(f"{reps} replications, seed {seed}; ± is one standard error.")
