"""Calls of the bot's functions, and the answers worked out anew in Python from the comments above them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
# what PostgreSQL can hold: neither NUL nor half a pair
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)
HOSTILE = [
    "'; DROP TABLE decision_ledger; --",
    '"quoted" $$ $1 %s %(unit)s :unit \\',
    "".join(map(chr, range(1, 32))) + "\x7f\u2028\u202e",
    "x" * 10_000,
    "é漢𝕏" * 3_000,
    "sha256:" + "0" * 64,
    " ",
]


def ask(engine: sa.Engine, function: str, **arguments: Any) -> list[dict[str, Any]]:
    """The rows that a function answers, called once in a transaction of its own."""
    named = ", ".join(f"{name} => %({name})s" for name in arguments)
    with engine.begin() as connection:
        rows = connection.exec_driver_sql(f"SELECT * FROM {function}({named})", arguments)
        return [dict(row) for row in rows.mappings()]


def tell(engine: sa.Engine, function: str, **arguments: Any) -> dict[str, Any]:
    """The status that a record_ function answers."""
    (row,) = ask(engine, function, **arguments)
    answer = row[function]
    assert isinstance(answer, dict)
    return answer


def run(engine: sa.Engine, statement: str, *arguments: Any) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement, arguments)


def rows_of(engine: sa.Engine, query: str, *arguments: Any) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.exec_driver_sql(query, arguments))


def publish(engine: sa.Engine, **settings: Any) -> None:
    """The settings, as a command publishes them."""
    run(
        engine,
        "INSERT INTO loop_settings (settings) VALUES (%s)"
        " ON CONFLICT (only_row) DO UPDATE SET settings = excluded.settings",
        json.dumps(settings),
    )


def allocate(engine: sa.Engine, dimension: str, shares: Mapping[str, float], status: str = "active") -> None:
    """The live allocation of a dimension, instead of what it was."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM strategy_allocation WHERE strategy_type = %s", (dimension,))
        for arm, share in shares.items():
            connection.exec_driver_sql(
                "INSERT INTO strategy_allocation (strategy_type, strategy_name, probability, status, as_of)"
                " VALUES (%s, %s, %s, %s, %s)",
                (dimension, arm, share, status, NOW),
            )


def prefer(engine: sa.Engine, account: str, shares: Mapping[str, float]) -> None:
    """The live distribution of an account over generators."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM generator_preferences WHERE account = %s", (account,))
        for name, share in shares.items():
            connection.exec_driver_sql(
                "INSERT INTO generator_preferences (account, generator_name, as_of, probability,"
                " expected_followers, confidence_score, sample_size, band, reason)"
                " VALUES (%s, %s, %s, %s, 4.5, 0.8, 24, 'use', %s)",
                (account, name, NOW, share, f"{name} brought most."),
            )


def start_experiment(
    engine: sa.Engine, dimension: str, control: str, treatment: str, control_pct: float = 90, **columns: Any
) -> str:
    """A running experiment; returns its id."""
    row = {
        "experiment_name": f"{treatment} for {control}",
        "hypothesis": "it is better",
        "control_strategy": control,
        "treatment_strategy": treatment,
        "control_allocation_pct": control_pct,
        "treatment_allocation_pct": 100 - control_pct,
        "dimension": dimension,
        "status": "running",
        "started_at": NOW - 48 * HOUR,
    } | columns
    values = ", ".join(f"%({name})s" for name in row)
    with engine.begin() as connection:
        query = f"INSERT INTO experiments ({', '.join(row)}) VALUES ({values}) RETURNING id::TEXT"
        return str(connection.exec_driver_sql(query, row).scalar_one())


def ledger(engine: sa.Engine) -> dict[tuple[str, str], Any]:
    """Every decision by dimension and unit."""
    return {(row.dimension, row.unit): row for row in rows_of(engine, "SELECT * FROM decision_ledger")}


def everything(engine: sa.Engine) -> dict[str, list[str]]:
    """Every row of every table."""
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        return {
            table: sorted(
                connection.exec_driver_sql(f'SELECT row_to_json(t)::TEXT FROM "{table}" t').scalars()
            )
            for table in tables
        }


def key_of(name: str) -> str:
    """The ledger's key for a dimension or a unit."""
    if len(name.encode()) <= 200 and not name.startswith("sha256:"):
        return name
    return "sha256:" + sha256(name.encode()).hexdigest()


def hash_of(dimension: str, unit: str) -> float:
    """52 bits of the digest of dimension and unit, as a number in [0, 1)."""
    return int(sha256(f"{dimension}\x1f{unit}".encode()).hexdigest()[:13], 16) / 2**52


def arm_by_hash(dimension: str, unit: str, shares: Mapping[str, float]) -> str:
    """The arm in whose part of the cumulative probabilities the unit's hash falls."""
    names = sorted((name for name, share in shares.items() if share > 0), key=str.encode)
    reached = 0.0
    threshold = hash_of(dimension, unit) * sum(shares[name] for name in names)
    for name in names:
        reached += shares[name]
        if threshold < reached:
            break
    return name


def normalised(shares: Mapping[str, float]) -> dict[str, float]:
    total = sum(share for share in shares.values() if share > 0)
    return {name: share / total for name, share in shares.items() if share > 0}


def arms_of(engine: sa.Engine, dimension: str, units: Sequence[str], at: datetime = NOW) -> dict[str, Any]:
    """The rows of arm_for by unit, asked in one query."""
    query = """
        SELECT unit, given.* FROM unnest(%s::TEXT[]) AS unit CROSS JOIN LATERAL arm_for(%s, unit, %s) AS given
    """
    return {row.unit: row for row in rows_of(engine, query, list(units), dimension, at)}
