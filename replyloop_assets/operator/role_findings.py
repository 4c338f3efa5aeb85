"""What the roles may do with the bot's tables: strangers too much, or the loop's own too little."""

from collections.abc import Iterator

import sqlalchemy as sa

from replyloop_assets.operator.findings import Finding
from replyloop_assets.warehouse.edges.build import STRANGERS
from replyloop_assets.warehouse.edges.casts import quote
from replyloop_assets.warehouse.edges.fit import Fit
from replyloop_assets.warehouse.edges.views import table_of

KEY = "whoever has your project's public key"
RIGHTS = """
    SELECT
        string_agg(DISTINCT r.rolname, ' and ' ORDER BY r.rolname) AS roles,
        string_agg(DISTINCT p.privilege, ', ' ORDER BY p.privilege) AS privileges
    FROM pg_roles AS r
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p (privilege)
    INNER JOIN pg_class AS c ON c.oid = CAST(:name AS REGCLASS)
    WHERE r.rolname = ANY(:strangers) AND has_table_privilege(r.oid, c.oid, p.privilege)
        -- row level security holds rows back, and not who empties a table
        AND (NOT c.relrowsecurity OR p.privilege = 'TRUNCATE')
    HAVING count(*) > 0
"""
# policies that hold no row back, for strangers who have the right
OPEN_POLICIES = """
    SELECT
        policy.polname::TEXT AS name,
        string_agg(DISTINCT p.privilege, ', ' ORDER BY p.privilege) AS privileges
    FROM pg_policy AS policy
    INNER JOIN pg_class AS c ON policy.polrelid = c.oid AND c.relrowsecurity
    INNER JOIN pg_roles AS r ON r.rolname = ANY(:strangers) AND policy.polroles && ARRAY[0::OID, r.oid]
    INNER JOIN (
        VALUES ('r', 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE')
    ) AS p (code, privilege)
        ON policy.polcmd::TEXT IN ('*', p.code) AND has_table_privilege(r.oid, c.oid, p.privilege)
    WHERE
        c.oid = CAST(:name AS REGCLASS)
        AND policy.polpermissive
        AND coalesce(pg_get_expr(policy.polqual, c.oid), 'true') = 'true'
        AND coalesce(pg_get_expr(policy.polwithcheck, c.oid), 'true') = 'true'
    GROUP BY policy.polname
    ORDER BY policy.polname
"""
OWN_RIGHTS = """
    SELECT
        current_user::TEXT AS me,
        row_security_active(c.oid) AS is_held_back,
        array_remove(ARRAY[
            CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'SELECT' END,
            CASE WHEN NOT has_table_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
            CASE WHEN NOT has_table_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END
        ], NULL) AS lacking
    FROM pg_class AS c
    WHERE c.oid = CAST(:name AS REGCLASS)
"""
# as PostgreSQL 14 gives it by default, and a database that was upgraded from it
ANYONE_CREATES = """
    SELECT count(*) > 0
    FROM pg_namespace AS n
    CROSS JOIN LATERAL aclexplode(n.nspacl) AS held
    WHERE n.nspname = :schema AND held.grantee = 0 AND held.privilege_type = 'CREATE'
"""


def of_roles(connection: sa.Connection, fits: list[Fit], schema: str) -> Iterator[Finding]:
    """What strangers may do with the bot's tables and in their schema, and what the loop itself may not."""
    if connection.execute(sa.text(ANYONE_CREATES), {"schema": schema}).scalar_one():
        what = "any role may create functions here, which others may then run without knowing"
        yield Finding("warning", f"schema {schema}", what, f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC")
    for fit in fits:
        yield from of_strangers(connection, fit)
        yield from of_itself(connection, fit)


def of_strangers(connection: sa.Connection, fit: Fit) -> Iterator[Finding]:
    """What whoever calls from a browser may do."""
    table, asked = fit.table.name, {"name": table_of(fit), "strangers": list(STRANGERS)}
    for row in connection.execute(sa.text(RIGHTS), asked):
        advice = "replyloop db protect closes it"
        if not fit.table.is_table:
            advice = f"let its owner REVOKE ALL ON {table_of(fit)} FROM {', '.join(STRANGERS)}"
        yield Finding("warning", table, f"{row.roles}, {KEY}, may {row.privileges} all of it", advice)
    for row in connection.execute(sa.text(OPEN_POLICIES), asked):
        what = f"policy {row.name} lets {KEY} {row.privileges} every row, though row level security is on"
        yield Finding("warning", table, what, f"DROP POLICY {quote(row.name)} ON {table_of(fit)}")


def of_itself(connection: sa.Connection, fit: Fit) -> Iterator[Finding]:
    """What the role that migrates may not do, with whose rights the views are read."""
    own = connection.execute(sa.text(OWN_RIGHTS), {"name": table_of(fit)}).one()
    if own.lacking:
        what = f"{own.me}, as which the loop works, may not {', '.join(own.lacking)}"
        advice = f"GRANT {', '.join(own.lacking)} ON {table_of(fit)} TO {quote(own.me)}"
        yield Finding("fault" if "SELECT" in own.lacking else "warning", fit.table.name, what, advice)
    if own.is_held_back:
        what = f"row level security hides its rows from {own.me}, as which the loop works"
        advice = f"ALTER ROLE {quote(own.me)} BYPASSRLS, or a policy that lets it see and write them"
        yield Finding("fault", fit.table.name, what, advice)
