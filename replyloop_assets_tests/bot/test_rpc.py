"""The bot's functions over HTTP, as Supabase's RPC calls them.

No registry has PostgREST itself, so a stand-in follows its rules: the function is chosen by the names in the
body, the body is read by `json_to_record` with the types of its arguments, the caller's role and the exposed
schemas decide, and an error is a JSON object with PostgreSQL's code.
"""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from replyloop_assets_tests.bot.calls import rows_of, run

EXPOSED = ("public", "replyloop")
FORMS = """
    SELECT
        p.proretset OR p.prorettype = 'record'::REGTYPE AS gives_rows,
        p.proargnames[1 : p.pronargs] AS names,
        ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) AS t) AS types,
        p.pronargs - p.pronargdefaults AS needed
    FROM pg_proc AS p
    WHERE p.pronamespace = to_regnamespace(%(schema)s) AND p.proname = %(name)s
"""


def answer(engine: sa.Engine, role: str, schema: str, name: str, body: bytes) -> tuple[int, Any]:
    """The status and the JSON of a call."""
    if schema not in EXPOSED:
        return 406, {
            "code": "PGRST106",
            "message": f"The schema must be one of the following: {', '.join(EXPOSED)}",
        }
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        return 400, {"code": "PGRST102", "message": "Empty or invalid json"}
    forms = rows_of_form(engine, schema, name)
    fitting = [
        one for one in forms if set(one.names[: one.needed] or ()) <= set(given) <= set(one.names or ())
    ]
    if len(fitting) != 1:
        return 404, {"code": "PGRST202", "message": f"Could not find the function {schema}.{name}"}
    form = fitting[0]
    typed = [(one, kind) for one, kind in zip(form.names or (), form.types, strict=True) if one in given]
    record = ", ".join(f'"{one}" {kind}' for one, kind in typed) or '"none" TEXT'
    arguments = ", ".join(f'"{one}" => given."{one}"' for one, _ in typed)
    call = (
        f"SELECT row_to_json(called) AS answer FROM json_to_record(%(body)s::JSON) AS given ({record}), "
        f'LATERAL "{schema}"."{name}"({arguments}) AS called'
    )
    if not form.gives_rows:
        call = call.replace("row_to_json(called)", "to_json(called)")
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
            rows = connection.exec_driver_sql(call, {"body": body.decode() or "{}"}).scalars().all()
    except sa.exc.DBAPIError as error:
        code = str(getattr(error.orig, "sqlstate", None))
        return 403 if code == "42501" else 400, {"code": code, "message": str(error.orig)}
    return 200, list(rows) if form.gives_rows else rows[0]


def rows_of_form(engine: sa.Engine, schema: str, name: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql(FORMS, {"schema": schema, "name": name}))


@pytest.fixture
def gateway(engine: sa.Engine) -> Iterator["Caller"]:
    """The stand-in, with Supabase's roles: the service's may do what the bot's may, the anonymous nothing."""
    run(engine, "CREATE ROLE service_role BYPASSRLS; CREATE ROLE anon; GRANT replyloop_bot TO service_role")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            role = self.headers["Authorization"].removeprefix("Bearer ")
            name = self.path.removeprefix("/rpc/")
            status, said = answer(engine, role, self.headers.get("Content-Profile", "public"), name, body)
            sent = json.dumps(said, default=str).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Caller(server.server_port)
    server.shutdown()
    server.server_close()
    run(engine, "DROP OWNED BY service_role, anon; DROP ROLE service_role, anon")


class Caller:
    """Sends what `supabase.schema(…).rpc(…)` sends."""

    def __init__(self, port: int) -> None:
        self.port = port

    def rpc(
        self, name: str, body: dict[str, Any] | str, role: str = "service_role", schema: str = "replyloop"
    ) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = body if isinstance(body, str) else json.dumps(body)
        headers = {"Authorization": f"Bearer {role}", "Content-Profile": schema}
        connection.request("POST", f"/rpc/{name}", sent.encode(), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


POST = {
    "tweet_id": "1930000000000000001", "target_username": "NASA", "like_count": 42000, "reply_count": 130,
    "posted_minutes_ago": 45,
}  # fmt: skip


def test_a_bot_lives_over_rpc(gateway: Caller) -> None:
    status, found = gateway.rpc("record_opportunity", POST | {"discovered_at": None, "search_query": None})
    assert (status, found["status"]) == (200, "recorded")
    assert gateway.rpc("score_opportunity", {"like_count": 5000, "posted_minutes_ago": 3, "reply_count": 1,
        "username": "NASA"})[1][0]["engagement_tier"] == "5K-10K"  # fmt: skip
    status, claims = gateway.rpc("claim_next", {"most": 1, "claimed_by": "my bot", "at": None})
    assert (status, [claim["tweet_id"] for claim in claims]) == (200, [POST["tweet_id"]])
    reply = {"decision_id": claims[0]["decision_id"], "tweet_id": "1940000000000000001", "posted_at": None}
    assert gateway.rpc("record_reply", reply) == (200, {"status": "recorded"})
    told = {"tweet_id": reply["tweet_id"], "collected_at": "2030-01-01T00:00:00Z", "followers_gained": 20}
    assert gateway.rpc("record_metrics", told) == (200, {"status": "recorded", "feedback": "high"})
    assert gateway.rpc("record_error", {"component": "c", "message": "m", "detail": {"a": [1]}})[0] == 200
    assert gateway.rpc("claim_next", {}) == (200, [])
    assert gateway.rpc("read_search_plan", {}) == (200, [])


@pytest.mark.parametrize(
    ("text", "code"),
    [(r'"a\u0000b"', "22P05"), (r'"half \ud83d a pair"', "22P02")],
)
def test_what_a_json_cast_refuses_never_reaches_the_function(
    gateway: Caller, engine: sa.Engine, text: str, code: str
) -> None:
    body = json.dumps(POST)[:-1] + f', "tweet_text": {text}}}'
    status, said = gateway.rpc("record_opportunity", body)
    assert (status, said["code"]) == (400, code)
    assert rows_of(engine, "SELECT count(*) FROM found_posts") == [(0,)]
    assert rows_of(engine, "SELECT count(*) FROM quarantine") == [(0,)]


def test_strangers_other_schemas_and_other_arguments_are_refused(gateway: Caller) -> None:
    assert gateway.rpc("claim_next", {}, role="anon")[0] == 403
    assert gateway.rpc("claim_next", {}, schema="secret")[1]["code"] == "PGRST106"
    assert gateway.rpc("claim_next", {}, schema="public")[1]["code"] == "PGRST202"
    assert gateway.rpc("claim_next", {"mots": 1})[1]["code"] == "PGRST202"
    assert gateway.rpc("fold_account", {"folded_account": "x"})[0] == 403
    assert gateway.rpc("arm_for", {"dimension": "", "unit": "u"})[1]["code"] == "22023"
