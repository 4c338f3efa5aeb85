"""From a bot's type to the one that the loop reads, and back. A value that cannot be read is missing."""

from replyloop_assets.warehouse.edges.catalogue import OwnColumn
from replyloop_assets.warehouse.edges.contract import ANY

NAMES = {  # PostgreSQL's short names of the types that the contract speaks of
    "TEXT": "text",
    "BIGINT": "int8",
    "INTEGER": "int4",
    "NUMERIC(10, 2)": "numeric",
    "DOUBLE PRECISION": "float8",
    "BOOLEAN": "bool",
    "TIMESTAMPTZ": "timestamptz",
    "UUID": "uuid",
    "JSONB": "jsonb",
}
WORDS = ("text", "varchar", "bpchar", "citext", "name")
WHOLE = ("int2", "int4", "int8")
BROKEN = ("numeric", "float4", "float8")
UUID = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
SHOWN = 99_999_999  # what two digits behind the point leave room for
LARGEST = {"BIGINT": 9_000_000_000_000_000_000, "INTEGER": 2_147_483_647}


def read_as(own: OwnColumn, wanted: str, zone: str) -> str | None:
    """The bot's column as the wanted type, in SQL; None where it cannot be read as that."""
    name = quote(own.name)
    if wanted == ANY or own.type == NAMES[wanted]:
        return name
    if wanted == "TEXT":
        is_scalar = own.type in (*WORDS, *WHOLE, *BROKEN, "uuid", "bool") or own.is_enum
        return f"{name}::TEXT" if is_scalar else None
    if wanted in LARGEST:
        return read_whole(name, own.type, wanted)
    if wanted == "NUMERIC(10, 2)" and own.type in (*WHOLE, *BROKEN):
        return f"CASE WHEN {name} BETWEEN -{SHOWN} AND {SHOWN} THEN {name}::{wanted} END"
    if wanted == "DOUBLE PRECISION":
        return f"{name}::{wanted}" if own.type in (*WHOLE, *BROKEN) else None
    if wanted == "TIMESTAMPTZ":
        return read_instant(name, own.type, zone)
    if wanted == "UUID" and own.type in WORDS:
        return f"CASE WHEN {name} ~ '{UUID}' THEN {name}::UUID END"
    if wanted == "BOOLEAN" and own.type in WHOLE:
        return f"{name} <> 0"
    if wanted == "JSONB" and own.type == "json":
        return f"{name}::JSONB"
    if wanted == "JSONB" and own.type in WORDS:
        return f"json_of_text({name}::TEXT)"
    return None


def read_whole(name: str, held: str, wanted: str) -> str | None:
    """A count: one that is out of range, broken or no number is missing."""
    most = LARGEST[wanted]
    if held in WHOLE and wanted == "BIGINT":
        return f"{name}::BIGINT"
    if held in WHOLE or held in BROKEN:
        return f"CASE WHEN {name} BETWEEN -{most} AND {most} THEN {name}::{wanted} END"
    if held in WORDS:
        digits = 18 if wanted == "BIGINT" else 9
        return f"CASE WHEN {name} ~ '^ *[0-9]{{1,{digits}}} *$' THEN {name}::{wanted} END"
    return None


def read_instant(name: str, held: str, zone: str) -> str | None:
    """An instant: without a zone it is in the bot's; a number counts seconds or milliseconds since 1970."""
    if held == "timestamp":
        return f"{name} AT TIME ZONE {literal(zone)}"
    if held == "date":
        return f"{name}::TIMESTAMP AT TIME ZONE {literal(zone)}"
    if held in WHOLE or held in BROKEN:
        return f"instant_of_number({name}::NUMERIC)"
    if held in WORDS:
        return f"instant_of_text({name}::TEXT, {literal(zone)})"
    return None


def write_as(value: str, own: OwnColumn, given: str, zone: str) -> str | None:
    """The loop's value as the bot's column holds it, in SQL; None where it cannot be written."""
    if given == ANY:
        return value
    if read_as(own, given, zone) is None:
        return None
    if given == "TIMESTAMPTZ":
        return write_instant(value, own, zone)
    if own.is_enum or (given == "TEXT" and own.type not in WORDS) or own.type == "json":
        return f"{value}::{own.full_type}"
    if given == "BOOLEAN" and own.type in WHOLE:
        return f"{value}::INTEGER"
    return value  # the assignment casts, and refuses what does not fit


def write_instant(value: str, own: OwnColumn, zone: str) -> str:
    """An instant as the bot writes it."""
    if own.type in ("timestamp", "date"):
        return f"({value} AT TIME ZONE {literal(zone)})::{own.type}"
    if own.type == "int8":
        return f"floor(1000 * extract(EPOCH FROM {value}))::BIGINT"
    if own.type in (*WHOLE, *BROKEN):
        return f"floor(extract(EPOCH FROM {value}))::{own.type}"
    if own.type in WORDS:
        return f"to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    return value


def quote(name: str) -> str:
    """A name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL wants it."""
    return "'" + text.replace("'", "''") + "'"
