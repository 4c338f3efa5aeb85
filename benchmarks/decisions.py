"""How many decisions a second the database takes, and how long one takes: pgbench on a fresh server.

`arm_for`, `variant_for` and `generator_for`, each for units never seen (a row of the ledger is written and
made durable) and for units it knows, by 2 to 16 clients; beside them a bare INSERT of such a row, by the same
clients in turn. What reads the queue, and claims from it, is in benchmarks/queue.py. Latencies are those of
pgbench's log, of every transaction.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from replyloop_assets.postgres.server import Server
from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate
from replyloop_assets.warehouse.queries import run_script

SECONDS = 3
CLIENTS = (2, 4, 8, 16)
KNOWN_UNITS = 1_000
EXPERIMENT = "00000000-0000-4000-8000-000000000001"

# what a loop that has learnt holds: 5 formats and tiers, 1,000 accounts with 5 generators each, an experiment
LEARNT = f"""
    INSERT INTO strategy_allocation (strategy_name, strategy_type, probability, as_of)
    SELECT 'format ' || i, 'format', 0.2, now() FROM generate_series(1, 5) AS i;
    INSERT INTO strategy_allocation (strategy_name, strategy_type, probability, as_of)
    SELECT tier, 'engagement_tier', 0.2, now()
    FROM unnest(ARRAY['5K-10K', '10K-25K', '25K-50K', '50K-100K', '100K+']) AS tier;
    INSERT INTO generator_preferences (
        account, generator_name, as_of, probability, expected_followers, confidence_score, sample_size, reason
    )
    SELECT account, 'Generator' || g, now(), 0.2, 3, 0.5, 30, 'It brought most.'
    FROM generate_series(1, 5) AS g, (
        SELECT 'author' || i AS account FROM generate_series(1, 1000) AS i UNION ALL SELECT '*'
    ) AS accounts;
    INSERT INTO experiments (
        id, experiment_name, hypothesis, control_strategy, treatment_strategy, dimension, started_at
    )
    VALUES ('{EXPERIMENT}', 'Hours', 'Early', '18', '08', 'posting_hour', now() - INTERVAL '1 day');
    ANALYZE;
"""
CALLS = {
    "arm_for": "SELECT arm FROM arm_for('format', {unit})",
    "variant_for": f"SELECT variant FROM variant_for('{EXPERIMENT}', {{unit}})",
    "generator_for": "SELECT generator FROM generator_for('author' || :account, {unit})",
}
UNITS = {
    "new units": "\\set unit random(1, 1000000000000000)\n",
    "known units": f"\\set unit random(1, {KNOWN_UNITS})\n",
}
# what a decision leaves in the ledger, written by nobody's function
INSERT = """
    INSERT INTO decision_ledger (
        dimension, unit, arm, probability, available, policy_version, as_of, decided_at
    )
    VALUES (
        'format', 'row' || CAST(:unit AS TEXT), 'format 1', 0.2,
        '{"format 1": 0.2, "format 2": 0.2, "format 3": 0.2, "format 4": 0.2, "format 5": 0.2}',
        'strategy_allocation', now(), now()
    );
"""
ROUNDS = 3


@dataclass(frozen=True)
class Measured:
    """One run: transactions a second, and their latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def main() -> None:
    """Run everything on a server of its own and print the tables."""
    with throwaway_server() as server:
        engine = create_engine(server.url("postgres"))
        migrate(engine)
        with engine.begin() as connection:
            run_script(connection, LEARNT)
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            for call in CALLS.values():
                known = call.format(unit="i::TEXT").replace(":account", "i")
                connection.exec_driver_sql(f"SELECT ({known}) FROM generate_series(1, {KNOWN_UNITS}) AS i")
        print(f"PostgreSQL {version}, {SECONDS} s each, pgbench -M extended; latencies in ms")
        measure_decisions(server)
        measure_beside_insert(server)
        engine.dispose()


def measure_decisions(server: Server) -> None:
    """Arms, variants and generators, for new and for known units."""
    print_head()
    for units, choice in UNITS.items():
        for name, call in CALLS.items():
            # a new unit's name differs from every known one's
            unit = "CAST(:unit AS TEXT)" if units == "known units" else "'new' || CAST(:unit AS TEXT)"
            script = f"{choice}\\set account random(1, 1000)\n{call.format(unit=unit)};\n"
            for clients in CLIENTS:
                print_row(f"{name}, {units}", clients, run(server, script, clients))


def measure_beside_insert(server: Server) -> None:
    """New decisions beside bare rows, in turn: the median of the rounds' ratios."""
    clients = CLIENTS[-1]
    unit = UNITS["new units"]
    arm = unit + CALLS["arm_for"].format(unit="'new' || CAST(:unit AS TEXT)") + ";\n"
    rounds = [(run(server, unit + INSERT, clients), run(server, arm, clients)) for _ in range(ROUNDS)]
    bare, drawn = sorted(rounds, key=lambda pair: pair[1].rate / pair[0].rate)[ROUNDS // 2]
    print()
    print_head()
    print_row("bare INSERT", clients, bare)
    print_row("arm_for, new units", clients, drawn)
    print(f"arm_for takes {drawn.rate / bare.rate:.2f} of the rows a second of a bare INSERT")


def run(server: Server, script: str, clients: int, database: str = "postgres") -> Measured:
    """One run of pgbench; its log has a line per transaction, the third word its microseconds."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder, "script.sql")
        path.write_text(script, encoding="utf-8")
        options = {
            "no-vacuum": "",
            "protocol": "extended",
            "client": clients,
            "jobs": min(clients, 2),
            "time": SECONDS,
            "log": "",
            "log-prefix": f"{folder}/log",
            "file": path,
        }
        words = [f"--{name}={value}" if value else f"--{name}" for name, value in options.items()]
        command = [str(server.bin("pgbench")), *words, server.url(database)]
        done = subprocess.run(command, capture_output=True, text=True)
        rate = re.search(r"tps = ([\d.]+)", done.stdout)
        if done.returncode != 0 or rate is None:
            raise SystemExit(f"pgbench failed: {done.stderr.strip()}")
        lines = [line for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()]
    latencies = [int(line.split()[2]) / 1000 for line in lines]
    cuts = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
    return Measured(float(rate[1]), cuts[49], cuts[98])


def print_head() -> None:
    """The head of a table."""
    print(f"{'':<30}{'clients':>8}{'per s':>10}{'p50':>9}{'p99':>9}")


def print_row(name: str, clients: int, measured: Measured) -> None:
    """A line of a table."""
    figures = f"{measured.rate:>10,.0f}" if measured.rate >= 100 else f"{measured.rate:>10,.1f}"
    print(f"{name:<30}{clients:>8}{figures}{measured.p50:>9.2f}{measured.p99:>9.2f}", flush=True)


if __name__ == "__main__":
    main()
