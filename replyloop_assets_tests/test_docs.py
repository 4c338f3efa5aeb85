"""What the documents say is what happens: calls and their answers, examples, commands.

After a change of the functions, `DOCS=write pytest replyloop_assets_tests/test_docs.py` puts the real answers
into docs/bot.md.
"""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from inspect import signature
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from replyloop_assets.cli.main import app
from replyloop_assets.client import Claim, Loop, Told
from replyloop_assets.postgres.server import Server
from replyloop_assets.warehouse.migrations import run_script

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/bot.md"
EXAMPLES = ROOT / "docs/examples"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHOWN = "3f1c9c0e-6b1d-4f7a-8a52-7d9f0f6a2b41"  # stands in the page for the decision's id, which is drawn
CALL = re.compile(r"```sql\n(?P<call>.*?)```\n```text\n(?P<answer>.*?)```\n", re.DOTALL)

# the loop of the page: it has learnt a little
LEARNT = """
    INSERT INTO discovered_accounts (username, follower_count, avg_followers_per_reply)
    VALUES ('NASA', 87000000, 12.4);
    INSERT INTO strategy_allocation (strategy_name, strategy_type, probability, as_of) VALUES
    ('question', 'format', 0.3, '2026-11-20'), ('story', 'format', 0.6, '2026-11-20'),
    ('fact', 'format', 0.1, '2026-11-20');
    INSERT INTO generator_preferences (
        account, generator_name, as_of, probability, expected_followers, confidence_score, sample_size, band,
        reason
    ) VALUES
    ('nasa', 'PersonalStory', '2026-11-20', 0.9, 12.6, 0.82, 25, 'use', 'It brought 12.6 followers each.'),
    ('nasa', 'ResearchSynthesizer', '2026-11-20', 0.1, 7.1, 0.82, 6, 'use', 'It explores.');
    INSERT INTO search_plan VALUES
    (
        1, '2026-11-20', 'proven accounts', 10, 5000, FALSE, 0.9, '(from:NASA OR from:WHO) min_faves:5000',
        '(from:NASA OR from:WHO) min_likes:5000', 'Replies to them brought at least 10 followers each.'
    ),
    (
        2, '2026-11-20', 'exploration', 2, 250000, TRUE, 0.1, 'lang:en min_faves:250000',
        'lang:en min_likes:250000', 'What is not known yet.'
    );
    INSERT INTO experiments (
        id, experiment_name, hypothesis, control_strategy, treatment_strategy, dimension, started_at
    ) VALUES (
        '5f0c54a4-1f0a-4c0e-9a57-0c8f5d1f2b11', 'Mornings', 'They bring more', '18', '08', 'posting_hour',
        '2026-11-01'
    );
"""


@pytest.fixture
def learnt(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as connection:
        run_script(connection, LEARNT)
    return engine


def psql(server: Server, engine: sa.Engine, *words: str) -> str:
    """What psql answers to the role replyloop_bot."""
    done = subprocess.run(
        [server.psql_path(), "-X", "-v", "ON_ERROR_STOP=1", *words, server.url(str(engine.url.database))],
        env=os.environ | {"PGOPTIONS": "-c role=replyloop_bot -c timezone=UTC"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def shape(answer: str) -> list[str]:
    """The names of an answer's columns, for one that a draw decides."""
    return [line.split()[0] for line in answer.splitlines()]


def test_every_call_of_the_page_gives_its_answer(server: Server, learnt: sa.Engine) -> None:
    text = PAGE.read_text(encoding="utf-8")
    calls = list(CALL.finditer(text))
    assert len(calls) == text.count("```sql")
    decision = SHOWN
    for match in calls:
        call = match["call"].replace(SHOWN, decision)
        answer = psql(server, learnt, "-x", "-P", "border=0", "-c", call)
        answer = re.sub(r" *\n+", "\n", answer)
        if "claim_next" in call:
            decision = UUID.findall(answer)[0]
            answer = answer.replace(decision, SHOWN)
        if os.environ.get("DOCS") == "write":
            text = text.replace(match[0], f"```sql\n{match['call']}```\n```text\n{answer}```\n")
        elif "claim_next" in call:
            assert shape(answer) == shape(match["answer"])
        else:
            assert answer == match["answer"]
    if os.environ.get("DOCS") == "write":
        PAGE.write_text(text, encoding="utf-8")


def test_the_page_names_every_function_of_the_bots_role(engine: sa.Engine) -> None:
    query = """
        SELECT proname FROM pg_proc AS p
        WHERE
            p.pronamespace = 'replyloop'::REGNAMESPACE
            AND p.prosecdef
            AND has_function_privilege('replyloop_bot', p.oid, 'EXECUTE')
    """
    text = PAGE.read_text(encoding="utf-8")
    with engine.connect() as connection:
        for name in connection.exec_driver_sql(query).scalars():
            assert f"**`{name}`**" in text
            assert re.search(rf"```sql\n[^`]*\b{name}\(", text)


def test_the_grant_of_the_page_gives_a_role_what_the_bots_role_has(engine: sa.Engine) -> None:
    grant = PAGE.read_text(encoding="utf-8").partition("```pgsql\n")[2].partition("```")[0]
    may = """
        SELECT count(*) FILTER (WHERE has_function_privilege('my_role', p.oid, 'EXECUTE')),
            count(*) FILTER (WHERE has_function_privilege('replyloop_bot', p.oid, 'EXECUTE'))
        FROM pg_proc AS p WHERE p.pronamespace = 'replyloop'::REGNAMESPACE AND p.prosecdef
    """
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE my_role")
        connection.exec_driver_sql(grant)
        assert tuple(connection.exec_driver_sql(may).one()) == (11, 11)
        connection.rollback()


def test_the_sql_bot_runs_in_psql_and_runs_again(server: Server, learnt: sa.Engine) -> None:
    first = psql(server, learnt, "-f", str(EXAMPLES / "bot.sql"))
    again = psql(server, learnt, "-f", str(EXAMPLES / "bot.sql"))
    assert "NASA: Score " in first
    assert "nothing in the queue" in again
    with learnt.connect() as connection:
        assert connection.exec_driver_sql("SELECT tweet_id FROM content_metadata").scalars().all() == [
            "1990000000000001001"
        ]


@pytest.mark.parametrize("known", [True, False])
def test_the_python_bot_runs_as_a_user_of_its_own_and_runs_again(
    request: pytest.FixtureRequest, server: Server, engine: sa.Engine, known: bool
) -> None:
    if known:
        request.getfixturevalue("learnt")
    user = f"bot_of_{engine.url.database}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {user} LOGIN PASSWORD 'a long one' IN ROLE replyloop_bot")
    try:
        url = engine.url.set(drivername="postgresql", username=user).render_as_string(hide_password=False)
        first, again = (
            subprocess.run(
                [sys.executable, EXAMPLES / "bot.py", url], capture_output=True, text=True, check=True
            )
            for _ in range(2)
        )
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP ROLE {user}")
    assert (first.stderr, again.stderr) == ("", "")
    assert first.stdout.count("To @") == 2
    assert "Reply 1990000000000001001: recorded, feedback none yet" in first.stdout
    assert "unchanged" in again.stdout
    assert "To @" not in again.stdout
    with engine.connect() as connection:
        counts = """
            SELECT (SELECT count(*) FROM reply_opportunities), (SELECT count(*) FROM content_metadata),
                (SELECT count(*) FROM system_events), (SELECT count(*) FROM quarantine)
        """
        assert tuple(connection.exec_driver_sql(counts).one()) == (2, 2, 0, 0)


def test_the_typescript_bot_names_what_there_is() -> None:
    text = (EXAMPLES / "bot.ts").read_text(encoding="utf-8")
    calls = re.findall(r'call<[^(]*>\("(\w+)"(?:, (\{.*?\}))?\)', text, re.DOTALL)
    assert len(calls) == 6
    for function, values in calls:
        given = set(re.findall(r"[{,]\s*(\w+): ", re.sub(r"//.*", "", values)))
        assert given <= set(signature(getattr(Loop, function)).parameters), function
    for name, of in (("Claim", Claim), ("Told", Told)):
        body = re.search(rf"type {name} = \{{(.*?)\}};", text, re.DOTALL)
        assert body
        assert set(re.findall(r"(\w+)\??: ", body[1])) <= {field.name for field in fields(of)}


def commands_of(text: str) -> set[str]:
    """The `replyloop …` commands a document names, alternatives apart."""
    pieces = re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    found = set()
    for piece in pieces:
        for words in re.findall(
            r"(?:^|\$ )replyloop ((?:(?:db|simulate|experiment) )?[a-z]+(?:\\?\|[a-z]+)*)",
            piece,
            re.MULTILINE,
        ):
            group, _, names = words.rpartition(" ")
            found |= {f"{group} {name}".strip() for name in re.split(r"\\?\|", names)}
    return found


def test_the_commands_that_documents_name_exist() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}
    commands = set().union(*map(commands_of, texts.values()))
    assert {"demo", "import", "db psql", "db url", "queue", "simulate loop"} <= commands
    for command in sorted(commands):
        done = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="replyloop")
        assert done.exit_code == 0, command


def test_the_changelog_speaks_of_this_version_first() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == project["version"]
