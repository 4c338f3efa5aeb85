"""The bot's tables as the doctor sees them: what is used as what, what cannot be used, and what is lost."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from replyloop_assets.operator.findings import Finding, Gravity
from replyloop_assets.warehouse.edges.build import overwrites
from replyloop_assets.warehouse.edges.casts import quote
from replyloop_assets.warehouse.edges.fit import Fit, Names, added_name
from replyloop_assets.warehouse.edges.tables import BOT_SNAPSHOTS, EDGES, FOUND_POSTS, OWN_POSTS
from replyloop_assets.warehouse.edges.views import is_posted, table_of

USERNAME = "'^@?[A-Za-z0-9_]{1,15}$'"
SAMPLE = 200_000  # rows of a table that are looked at
LOOKALIKES = """
    SELECT c.relname::TEXT AS name, array_agg(a.attname::TEXT) AS columns
    FROM pg_class AS c
    INNER JOIN pg_attribute AS a ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE
        c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p', 'v')
        AND c.relname <> ALL(:ours)
    GROUP BY c.relname
    ORDER BY c.relname
"""
ELSEWHERE = """
    SELECT min(n.nspname::TEXT)
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
    WHERE
        c.relname = :name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND n.nspname NOT IN (:schema, 'replyloop', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
"""


def of_tables(
    connection: sa.Connection, fits: list[Fit], names: Names, schema: str, rows: bool
) -> Iterator[Finding]:
    """Each table of the contract: whether it is there and fits, and if asked for, its rows of no use."""
    there = {one.edge: one for one in fits}
    for edge in EDGES:
        name = names.tables.get(edge.table, edge.table)
        if edge not in there:
            advice = "replyloop db migrate"
            if elsewhere := connection.execute(sa.text(ELSEWHERE), {"name": name, "schema": schema}).scalar():
                advice = f"if your bot's is the one in {elsewhere}, set REPLYLOOP_BOT_SCHEMA={elsewhere}"
            elif likely := lookalike(connection, schema, [column.name for column in edge.columns], fits):
                advice = f"if your bot's is {likely}, set REPLYLOOP_BOT_NAMES={edge.table}={likely}"
            yield Finding("note", name, f"there is none in schema {schema}: migrating makes it", advice)
            continue
        fit = there[edge]
        yield Finding("well", name, f"{describe_kind(fit)}; {describe_use(fit)}")
        yield from of_columns(fit, names)
        if rows:
            yield from of_rows(connection, fit, names)
        if rows and edge is OWN_POSTS:
            yield from of_decisions(connection, fit)


def describe_kind(fit: Fit) -> str:
    """What kind of relation it is, and how it is written."""
    kind = {"v": "a view", "m": "a materialised view", "f": "a foreign table"}.get(fit.table.kind, "a table")
    return f"{kind}, written {'as it is' if fit.is_plain else 'through a translation'}"


def describe_use(fit: Fit) -> str:
    """Which of the bot's columns are used under another name."""
    used = [
        f"{fitted.column.name} from {', '.join(own.name for own in fitted.sources)}"
        for fitted in fit.columns
        if fitted.sources and [own.name for own in fitted.sources] != [fitted.column.name]
    ]
    return "; ".join(used) or "every column under its own name"


def of_columns(fit: Fit, names: Names) -> Iterator[Finding]:
    """What cannot be used of the columns, and what is lost."""
    table = fit.table.name
    for fitted in fit.columns:
        column = fitted.column
        for own in fitted.unusable:
            what = f"{own.name} is {own.type} and cannot be read as {column.type.lower()}"
            advice = f"name another: REPLYLOOP_BOT_NAMES={fit.edge.table}.{column.name}=…"
            if fitted.read is not None:
                what += f": what stands there is not read, what is told stands in {fitted.sources[0].name}"
            elif column.lost:
                what += f": {column.lost}"
                if fit.table.is_table:
                    advice += f", else replyloop db migrate puts {added_name(column, fit.table)} beside it"
            gravity: Gravity = "warning" if column.lost else "note"
            yield Finding(gravity, table, what, advice)
        if fitted.read is None and not fitted.unusable and column.lost:
            gravity = "note" if fit.table.is_table else "warning"
            advice = "replyloop db migrate adds it" if fit.table.is_table else "add it, or name another"
            yield Finding(gravity, table, f"there is no {column.name}: without it {column.lost}", advice)
        if any(own.type in ("timestamp", "date") for own in fitted.sources):
            what = f"{fitted.sources[0].name} has no time zone and is read as {names.zone}"
            yield Finding("note", table, what, "if it is another, set REPLYLOOP_BOT_TIMEZONE")
    if fit.table.is_stored and fit.key is None and not fit.is_plain:
        what = f"{fit.edge.key.name} does not name one row of it: rows are known by where they lie"
        yield Finding("note", table, what, f"a primary key on {fit.edge.key.name} would")
    for name in fit.untold:
        what = f"{name} may not be empty, and nothing is known to write there: a new row is refused"
        advice = f"give it a default, or set REPLYLOOP_BOT_VALUES={fit.edge.table}.{name}=…"
        yield Finding("warning", table, what, advice)
    if fit.edge is BOT_SNAPSHOTS and overwrites(fit):
        what = "one row a post, overwritten in place: each change seen is kept apart, every ten minutes"
        yield Finding("note", table, what)


def of_rows(connection: sa.Connection, fit: Fit, names: Names) -> Iterator[Finding]:
    """The values and the rows that the loop cannot use, by reason."""
    table = fit.table.name
    reasons = [*lost_values(fit), *useless_rows(fit, names)]
    found = count_rows(connection, fit, [condition for _, _, condition in reasons])
    for (gravity, what, _), rows in zip(reasons, found, strict=True):
        if rows:
            yield Finding(gravity, table, what.format(rows=f"{rows:,}"))


def lost_values(fit: Fit) -> Iterator[tuple[Gravity, str, str]]:
    """Values that cannot be cast: how grave, a sentence with room for `{rows}`, and the condition in SQL."""
    for fitted in fit.columns:
        if fitted.read is not None and not fitted.is_plain:
            name = fitted.sources[0].name
            what = braced(f"{name} counts as missing in ") + f"{{rows}} rows: no {fitted.column.type.lower()}"
            condition = f"{quote(name)} IS NOT NULL AND ({fitted.read}) IS NULL"
            yield "warning" if fitted.column.lost else "note", what, condition


def useless_rows(fit: Fit, names: Names) -> Iterator[tuple[Gravity, str, str]]:
    """Rows without what the loop needs, likewise."""
    reads = {fitted.column.name: f"({fitted.read})" for fitted in fit.columns if fitted.read is not None}
    post, target = reads.get("tweet_id"), reads.get("target_username")
    reasons: dict[str, str] = {}
    if fit.edge is FOUND_POSTS:
        needed = [name for name in ("tweet_id", "target_username", "discovered_at") if name in reads]
        reasons |= {f"no {name}": f"{reads[name]} IS NULL" for name in needed}
        if target:
            reasons["a target that is no user name"] = f"{target} !~ {USERNAME}"
    if fit.edge is OWN_POSTS and post:
        out = f"coalesce({is_posted(fit, names)}, FALSE)"
        reasons["a status that is not known for posted, though there is a post"] = (
            f"NOT {out} AND {post} IS NOT NULL"
        )
        reasons["posted without an id"] = f"{out} AND {post} IS NULL"
        if target and "decision_type" in reads:
            is_reply = f"lower({reads['decision_type']}) = 'reply'"
            reasons["a reply without a target"] = f"{out} AND {is_reply} AND {target} IS NULL"
    if fit.edge in (FOUND_POSTS, OWN_POSTS, BOT_SNAPSHOTS) and post:
        reasons["an id that is no post's"] = f"{post} !~ '^[0-9]{{1,20}}$'"
    for reason, condition in reasons.items():
        yield "warning", f"{{rows}} rows are of no use: {reason}", condition


def of_decisions(connection: sa.Connection, fit: Fit) -> Iterator[Finding]:
    """Posts that two decisions claim."""
    post = fit.fitted("tweet_id").read
    if post is None:
        return
    some = f"(SELECT * FROM {table_of(fit)} LIMIT {SAMPLE}) AS t"
    same = f"SELECT 1 FROM {some} WHERE ({post}) IS NOT NULL GROUP BY {post} HAVING count(*) > 1"
    if twice := ask(connection, f"SELECT count(*) FROM ({same}) AS t"):
        what = f"{twice:,} posts have two decisions or more: each is counted"
        yield Finding("warning", fit.table.name, what)


def count_rows(connection: sa.Connection, fit: Fit, conditions: list[str]) -> list[int]:
    """How many of the table's rows are such, as far as they are looked at: in one pass, where it can be."""
    if not conditions:
        return []
    some = f"(SELECT * FROM {table_of(fit)} LIMIT {SAMPLE}) AS t"
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
    try:
        with connection.begin_nested():
            return list(connection.exec_driver_sql(f"SELECT {counts} FROM {some}".replace("%", "%%")).one())
    except DBAPIError:  # before migrating, one of them needs a function that is not there
        return [ask(connection, f"SELECT count(*) FROM {some} WHERE {condition}") for condition in conditions]


def ask(connection: sa.Connection, question: str) -> int:
    """A number; 0 where the question cannot be asked yet, before migrating."""
    try:
        with connection.begin_nested():
            return int(connection.exec_driver_sql(question.replace("%", "%%")).scalar_one())
    except DBAPIError:
        return 0


def braced(text: str) -> str:
    """A text that is to be formatted and stays as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def lookalike(connection: sa.Connection, schema: str, wanted: list[str], fits: list[Fit]) -> str | None:
    """The bot's table that has most of these columns, None where none has three and a third of them."""
    ours = [fit.table.name for fit in fits] + [edge.table for edge in EDGES]
    rows = connection.execute(sa.text(LOOKALIKES), {"schema": quote(schema), "ours": ours}).all()
    shared = {row.name: len(set(wanted) & set(row.columns)) for row in rows}
    best = max(shared, key=lambda name: shared[name], default=None)
    return best if best is not None and shared[best] >= max(3, len(wanted) / 3) else None
