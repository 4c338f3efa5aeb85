"""The present schema as text: recorded in `sql/schema.txt`, and what a migrated database must equal."""

import sqlalchemy as sa

from replyloop_assets.postgres.throwaway import throwaway_server
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets.warehouse.migrations import migrate

COLUMNS = """
    SELECT
        class.relname AS table_name,
        'column ' || attribute.attname || ' ' || format_type(attribute.atttypid, attribute.atttypmod)
        || CASE WHEN attribute.attnotnull THEN ' not null' ELSE '' END
        || coalesce(' default ' || pg_get_expr(def.adbin, def.adrelid), '') AS line
    FROM pg_class AS class
    INNER JOIN pg_attribute AS attribute
        ON class.oid = attribute.attrelid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    LEFT JOIN pg_attrdef AS def
        ON attribute.attrelid = def.adrelid AND attribute.attnum = def.adnum
    WHERE class.relkind = 'r' AND class.relnamespace::REGNAMESPACE::TEXT = ANY(current_schemas(FALSE))
    ORDER BY class.relname COLLATE "C", attribute.attnum
"""
INDEXES = """
    SELECT
        tablename AS table_name,
        'index ' || replace(indexdef, format(' ON %I.', schemaname), ' ON ') AS line
    FROM pg_indexes
    WHERE schemaname = ANY(current_schemas(FALSE))
    ORDER BY tablename COLLATE "C", indexname COLLATE "C"
"""
FUNCTIONS = """
    SELECT 'function ' || oid::REGPROCEDURE || ' returns ' || pg_get_function_result(oid) AS line
    FROM pg_proc
    WHERE pronamespace::REGNAMESPACE::TEXT = ANY(current_schemas(FALSE)) AND prokind = 'f'
    ORDER BY (oid::REGPROCEDURE)::TEXT COLLATE "C"
"""
VIEWS = """
    SELECT 'view ' || oid::REGCLASS::TEXT AS line
    FROM pg_class
    WHERE relkind = 'v' AND relnamespace::REGNAMESPACE::TEXT = ANY(current_schemas(FALSE))
    ORDER BY relname COLLATE "C"
"""


def describe_schema(engine: sa.Engine) -> str:
    """The loop's tables and the bot's, with columns and indexes, views and functions, in a fixed order."""
    tables: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for query in (COLUMNS, INDEXES):
            for row in connection.execute(sa.text(query)):
                tables.setdefault(row.table_name, []).append(f"  {row.line}")
        others = [
            line for query in (VIEWS, FUNCTIONS) for line in connection.execute(sa.text(query)).scalars()
        ]
    lines = [line for name, body in tables.items() for line in (f"table {name}", *body)]
    return "\n".join([*lines, *others]) + "\n"


def main() -> None:
    """Print the schema of a database that is migrated from nothing: `make schema` records it."""
    with throwaway_server() as server:
        engine = create_engine(server.url("postgres"))
        migrate(engine)
        print(describe_schema(engine), end="")
        engine.dispose()


if __name__ == "__main__":
    main()
