"""What the database says of a bot's tables: kinds, columns, keys, constraints, rights."""

from dataclasses import dataclass

import sqlalchemy as sa

RELATION = """
    SELECT
        c.oid,
        c.relkind::TEXT AS kind,
        pg_has_role(c.relowner, 'USAGE') AS is_alterable,
        ARRAY(
            SELECT key.indkey[0] FROM pg_index AS key
            WHERE key.indrelid = c.oid AND key.indisunique AND key.indnkeyatts = 1 AND key.indpred IS NULL
        )::INTEGER[] AS unique_places,
        ARRAY(
            SELECT pg_get_expr(rule.conbin, c.oid) FROM pg_constraint AS rule
            WHERE rule.conrelid = c.oid AND rule.contype = 'c' AND cardinality(rule.conkey) = 1
        ) AS rules,
        ARRAY(
            SELECT a.attname::TEXT FROM pg_constraint AS rule
            INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = rule.conkey[1]
            WHERE rule.conrelid = c.oid AND rule.contype = 'c' AND cardinality(rule.conkey) = 1
        ) AS ruled,
        ARRAY(
            SELECT format('%I.%I', n.nspname, rule.conname) FROM pg_constraint AS rule
            INNER JOIN pg_namespace AS n ON n.oid = rule.connamespace
            WHERE c.oid IN (rule.conrelid, rule.confrelid) AND rule.condeferred
            ORDER BY 1
        ) AS deferred
    FROM pg_class AS c
    WHERE
        c.oid = to_regclass(format('%I.%I', CAST(:schema AS TEXT), CAST(:name AS TEXT)))
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
COLUMNS = """
    SELECT
        a.attnum AS place,
        a.attname::TEXT AS name,
        t.typname::TEXT AS type,
        t.typtype = 'e' AS is_enum,
        format('%I.%I', n.nspname, t.typname) AS full_type,
        CASE
            WHEN declared.typtype = 'd' THEN format('%I.%I', own.nspname, declared.typname)
            ELSE format_type(a.atttypid, a.atttypmod)
        END AS declared,
        a.attnotnull AS is_required,
        -- a view gives no default of the table behind it
        pg_get_expr(d.adbin, d.adrelid) AS default_value,
        a.attidentity <> '' OR a.attgenerated <> '' AS is_automatic
    FROM pg_attribute AS a
    INNER JOIN pg_type AS declared ON a.atttypid = declared.oid
    INNER JOIN pg_namespace AS own ON declared.typnamespace = own.oid
    INNER JOIN LATERAL (
        WITH RECURSIVE base (oid) AS (
            SELECT declared.oid
            UNION ALL
            SELECT below.typbasetype FROM base INNER JOIN pg_type AS below ON base.oid = below.oid
            WHERE below.typtype = 'd'
        )
        SELECT pg_type.* FROM base INNER JOIN pg_type ON base.oid = pg_type.oid WHERE pg_type.typtype <> 'd'
    ) AS t ON TRUE
    INNER JOIN pg_namespace AS n ON t.typnamespace = n.oid
    LEFT JOIN pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""


@dataclass(frozen=True)
class OwnColumn:
    """A column that the bot's table has.

    `type` is PostgreSQL's short name of it (`int8`, `timestamptz`), `full_type` is for casts that keep every
    value, `declared` is what its values are rounded to (`timestamp(3) with time zone`).
    """

    name: str
    type: str
    full_type: str
    declared: str
    is_enum: bool
    is_required: bool
    default_value: str | None
    is_automatic: bool

    @property
    def is_rounded(self) -> bool:
        """Whether it holds an instant less exactly than it is told."""
        return self.type == "timestamptz" and self.declared != "timestamp with time zone"

    @property
    def must_be_told(self) -> bool:
        """Whether a row cannot be written without a value for it."""
        return self.is_required and self.default_value is None and not self.is_automatic


@dataclass(frozen=True)
class OwnTable:
    """A table of the bot's.

    `unique` are the columns that alone are a key, `rules` its CHECKs by column, `deferred` the constraints
    that refuse at the end of a transaction only.
    """

    oid: int
    schema: str
    name: str
    kind: str
    is_alterable: bool
    columns: tuple[OwnColumn, ...]
    unique: frozenset[str]
    rules: tuple[tuple[str, str], ...]
    deferred: tuple[str, ...]

    @property
    def is_stored(self) -> bool:
        """Whether it holds its rows itself."""
        return self.kind in ("r", "p")

    @property
    def is_table(self) -> bool:
        """Whether it may be given columns and indexes."""
        return self.is_stored and self.is_alterable

    def is_key(self, own: OwnColumn) -> bool:
        """Whether one value names one row. Of what holds no rows itself nobody can say: it is believed."""
        return not self.is_stored or (own.is_required and own.name in self.unique)

    def column(self, name: str) -> OwnColumn | None:
        """The column of that name, None where there is none."""
        return next((column for column in self.columns if column.name == name), None)

    def alike(self, name: str) -> OwnColumn | None:
        """The column of that name, else one that is spelt otherwise: `tweetId` for `tweet_id`."""
        spelt = (column for column in self.columns if bare(column.name) == bare(name))
        return self.column(name) or next(spelt, None)


def bare(name: str) -> str:
    """A name without what spellings differ in."""
    return name.replace("_", "").lower()


def read_table(connection: sa.Connection, schema: str, name: str) -> OwnTable | None:
    """The bot's table of that name, None where there is none."""
    relation = connection.execute(sa.text(RELATION), {"schema": schema, "name": name}).one_or_none()
    if relation is None:
        return None
    rows = connection.execute(sa.text(COLUMNS), {"oid": relation.oid}).all()
    return OwnTable(
        relation.oid,
        schema,
        name,
        relation.kind,
        relation.is_alterable,
        tuple(
            OwnColumn(
                row.name, row.type, row.full_type, row.declared, row.is_enum, row.is_required,
                row.default_value, row.is_automatic,
            )
            for row in rows
        ),
        frozenset(row.name for row in rows if row.place in relation.unique_places),
        tuple(zip(relation.ruled, relation.rules, strict=True)),
        tuple(relation.deferred),
    )  # fmt: skip
