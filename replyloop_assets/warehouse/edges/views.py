"""The edges as PostgreSQL has them: what a bot's table lacks, its indexes, its view, and how that is written.

Where every column is as the loop wants it, PostgreSQL writes through the view by itself and the view costs
nothing. Else a trigger of the view's translates, row by row.
"""

from collections.abc import Iterator

from replyloop_assets.warehouse.edges.casts import literal, quote
from replyloop_assets.warehouse.edges.contract import ANY, RECORDED, Column, Edge
from replyloop_assets.warehouse.edges.fit import Fit, Names, added_name
from replyloop_assets.warehouse.edges.tables import OWN_POSTS
from replyloop_assets.warehouse.engine import SCHEMA

TRIGGER = """
    CREATE FUNCTION {schema}.write_{view}() RETURNS TRIGGER LANGUAGE plpgsql AS {body};
    CREATE TRIGGER write_{view} INSTEAD OF INSERT OR UPDATE OR DELETE ON {schema}.{view}
    FOR EACH ROW EXECUTE FUNCTION {schema}.write_{view}()
"""
BODY = """
    #variable_conflict use_column
    BEGIN
        IF TG_OP = 'INSERT' THEN
            {insert}
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
        ELSIF TG_OP = 'UPDATE' THEN
            UPDATE {table} SET {changes} WHERE {row};
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
        ELSE
            DELETE FROM {table} WHERE {row};
            RETURN OLD;
        END IF;
        {constraints}
        RETURN NEW;
    END
"""
# tried all the same: a trigger of the bot's may know what to write there
INSERT_OR_SAY = """
            BEGIN
                {insert}
            EXCEPTION WHEN not_null_violation THEN
                RAISE not_null_violation USING MESSAGE = {sentence};
            END;
"""


def create_table(edge: Edge, schema: str, name: str) -> str:
    """The table, where the bot has none."""
    kind = "UUID" if edge.key.type == ANY else edge.key.type
    default = f" DEFAULT {edge.key.default}" if edge.key.default else ""
    rows = [f"{edge.key.name} {kind} PRIMARY KEY{default}", *(column.definition for column in edge.columns)]
    return f"CREATE TABLE {quote(schema)}.{quote(name)} ({', '.join(rows)})"


def complete_table(fit: Fit) -> Iterator[str]:
    """The columns that the bot has nothing for.

    What was there before has no recorded_at: a volatile default would rewrite the table, and no such row
    is late. A column of the name with a type that cannot be used stays as it is beside ours.
    """
    table = table_of(fit)
    for column in fit.missing:
        if column.type == ANY or not column.is_added:
            continue
        name = added_name(column, fit.table)
        if column.default in (RECORDED, "now()"):  # nobody knows when the old rows were made
            yield f"ALTER TABLE {table} ADD COLUMN {name} {column.type}"
            yield f"ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT {column.default}"
        else:
            yield f"ALTER TABLE {table} ADD COLUMN {column.definition_as(name)}"
    for column in fit.edge.columns:
        own = fit.table.column(column.name)
        if column.default == RECORDED and (own is None or own.default_value != RECORDED):
            yield f"ALTER TABLE {table} ALTER COLUMN {column.name} SET DEFAULT {RECORDED}"


def create_indexes(fit: Fit) -> Iterator[str]:
    """The indexes over the bot's columns in the form in which they are read."""
    forms = {
        fitted.column.name: fitted.read if fitted.is_plain else f"({fitted.read})"
        for fitted in fit.columns
        if fitted.read is not None
    }
    for index in fit.edge.indexes:
        try:
            yield f"CREATE {index.format(table=table_of(fit), **forms)}"
        except KeyError:  # over a column that cannot be read
            continue
    key = fit.fitted(fit.edge.key.name)
    if key.read is not None and not key.is_plain:
        yield f"CREATE INDEX IF NOT EXISTS idx_{fit.edge.view}_key ON {table_of(fit)} (({key.read}))"


def create_view(fit: Fit, names: Names) -> str:
    """The view of fixed names and types."""
    columns = [f"{read_column(fit, column)} AS {column.name}" for column in fit.edge.all_columns]
    if fit.edge is OWN_POSTS:
        columns.append(f"{is_posted(fit, names)} AS is_posted")
    if fit.table.is_stored and not fit.is_plain and fit.key is None:
        columns += ["tableoid AS row_table", "ctid AS row_place"]
    return f"CREATE VIEW {SCHEMA}.{fit.edge.view} AS SELECT {', '.join(columns)} FROM {table_of(fit)}"


def read_column(fit: Fit, column: Column) -> str:
    """The column as it is read; where it cannot be, nothing. Without an id it is what names the row."""
    read = fit.fitted(column.name).read
    if read is not None:
        return read
    if column is not fit.edge.key:
        # what cannot be given the column has its default in every row, unless that is the time of day
        is_constant = column.default and column.default not in (RECORDED, "now()")
        return f"{column.default if is_constant else 'NULL'}::{column.type}"
    if fit.key is not None and fit.key.read is not None:
        return fit.key.read
    return "(tableoid::TEXT || ctid::TEXT)" if fit.table.is_stored else "NULL::TEXT"


def one_row(fit: Fit) -> str:
    """The condition that holds for the row that is OLD, and for no other: by its key, else by its place."""
    if fit.key is not None:
        return f"{fit.key.read} = OLD.{fit.key.column.name}"
    if fit.table.is_stored:
        return "ctid = OLD.row_place AND tableoid = OLD.row_table"
    return "FALSE"  # a view without a key: it can be read, and added to


def is_posted(fit: Fit, names: Names) -> str:
    """Whether a post is out: the bot's word for that, or where it has none, that it has an id."""
    status = fit.fitted("status").read
    if status is None:
        return f"{read_column(fit, fit.fitted('tweet_id').column)} IS NOT NULL"
    return f"lower({status}) IN ({', '.join(map(literal, names.posted))})"


def create_trigger(fit: Fit) -> str:
    """What writes through a view that PostgreSQL cannot write through by itself."""
    table = table_of(fit)
    columns, values, changes = [], [], []
    for written in fit.written:
        name, value = quote(written.own.name), written.value
        if written.column is not None and (words := fit.words.get(written.column.name)):
            told = f"NEW.{written.column.name}"
            cases = " ".join(f"WHEN {literal(ours)} THEN {literal(theirs)}" for ours, theirs in words.items())
            value = value.replace(told, f"(CASE {told} {cases} ELSE {told} END)")
        if written.column is not None:
            at = written.column.name
            changes.append(
                f"{name} = CASE WHEN NEW.{at} IS DISTINCT FROM OLD.{at} "
                f"THEN ({value})::{written.own.full_type} ELSE {name} END"
            )
        columns.append(name)
        default = written.own.default_value
        values.append(f"coalesce(({value})::{written.own.full_type}, {default})" if default else value)
    sentence = (
        f"{fit.edge.table}.{', '.join(fit.untold)} may not be empty and nothing is known to write there: "
        f"give it a default, write the row before you tell of it, or set "
        f"REPLYLOOP_BOT_VALUES={fit.edge.table}.{fit.untold[0] if fit.untold else ''}=…"
    )
    is_unique = any(index.startswith("UNIQUE") for index in fit.edge.indexes)
    conflict = " ON CONFLICT DO NOTHING" if is_unique else ""
    insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)}){conflict};"
    if fit.untold:
        insert = INSERT_OR_SAY.format(insert=insert, sentence=literal(sentence))
    # what would refuse at the end of the transaction, where nobody could keep it, refuses here
    late = ", ".join(fit.table.deferred)
    body = BODY.format(
        table=table,
        insert=insert,
        changes=", ".join(changes) or f"{columns[0]} = {columns[0]}",
        row=one_row(fit),
        constraints=f"SET CONSTRAINTS {late} IMMEDIATE; SET CONSTRAINTS {late} DEFERRED;" if late else "",
    )
    return TRIGGER.format(schema=SCHEMA, view=fit.edge.view, body=literal(body))


def table_of(fit: Fit) -> str:
    """The table's whole name."""
    return f"{quote(fit.table.schema)}.{quote(fit.table.name)}"
