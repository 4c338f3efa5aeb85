"""The command line from end to end: what it says, what it exits with, what it leaves behind."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from replyloop_assets.cli.main import app
from replyloop_assets.warehouse.engine import create_engine
from replyloop_assets_tests.commands import (
    COMMAND,
    PATIENCE_S,
    Shell,
    command_lines,
    finish,
    new_shell,
    processes_of,
    says_one_sentence,
    wait_for,
)
from replyloop_assets_tests.life import load_life, stage_rows
from replyloop_assets_tests.sources.files import (
    api_page,
    api_post,
    contents,
    export_row,
    export_text,
    read_all,
    read_one,
    write,
)

EXPORT = export_text([export_row(n, f"@name{n} hi") for n in range(3)])
POSTS = json.dumps(api_page([api_post(n) for n in range(3)]), indent=2)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
SECRET = "s3cret-w0rd"
COMMANDS = (
    "up",
    "demo",
    "import",
    "plan",
    "queue",
    "materialize",
    "status",
    "evaluate",
    "alerts",
    "db start",
    "db stop",
    "db status",
    "db url",
    "db migrate",
    "db psql",
)


@pytest.fixture
def shell() -> Iterator[Shell]:
    """A fresh home with the private server."""
    with new_shell() as shell:
        yield shell


@pytest.fixture
def on_url(shell: Shell, engine: sa.Engine) -> Shell:
    """A fresh home whose data is the test's database: nothing to start."""
    return shell.with_url(engine.url.render_as_string(hide_password=False))


def is_empty(engine: sa.Engine) -> bool:
    return not any(contents(engine).values())


# what is wrong on purpose


def test_what_cannot_be_imported_is_one_sentence_and_loads_nothing(
    on_url: Shell, engine: sa.Engine, tmp_path: Path
) -> None:
    secret = write(tmp_path, EXPORT, "secret.csv")
    secret.chmod(0)
    unreadable = Path("/proc/self/mem") if os.access(secret, os.R_OK) else secret  # root reads anything
    refused = {
        tmp_path: "is a folder",
        write(tmp_path, b"", "empty.csv"): "is empty",
        write(tmp_path, PNG, "picture.csv"): "is not text",
        write(tmp_path, "name,age\nx,1\n", "other.csv"): "a CSV of another kind",
        write(tmp_path, POSTS[: len(POSTS) // 2], "posts.json"): "cut off or broken",
        tmp_path / "missing.csv": "There is no file",
        unreadable: "cannot be read",
    }
    for path, reason in refused.items():
        done = on_url.run("import", path)
        says_one_sentence(done, reason)
        assert done.out == ""
    assert is_empty(engine)


def test_a_broken_file_leaves_those_before_it_loaded_and_says_so(
    on_url: Shell, engine: sa.Engine, tmp_path: Path
) -> None:
    good, bad = write(tmp_path, EXPORT, "good.csv"), write(tmp_path, PNG, "bad.csv")
    never = write(tmp_path, POSTS, "never.json")
    done = on_url.run("import", good, bad, never)
    says_one_sentence(done, "bad.csv is not text")
    assert done.err.endswith("The files before it are loaded.\n")
    assert done.out.startswith("good.csv (x_analytics_content): 3 read, 3 loaded.")
    assert len(contents(engine)["content_metadata"]) == 3
    assert not contents(engine)["reply_opportunities"]


def test_a_database_that_cannot_be_used_is_one_sentence_without_its_password(
    shell: Shell, tmp_path: Path
) -> None:
    down = f"postgresql://bot:{SECRET}@127.0.0.1:1/bot"
    unusable = {
        down: "127.0.0.1:1 (database bot) does not answer: connection failed",
        f"{down}?nonsense=1": 'invalid connection option "nonsense"',
        f"mysql://bot:{SECRET}@localhost/bot": "write it as postgresql://",
        f"bot:{SECRET}@localhost": "write it as postgresql://",
        f"postgresql://bot:{SECRET}@localhost:port/bot": "write it as postgresql://",
    }
    for url, reason in unusable.items():
        done = shell.with_url(url).run("status")
        says_one_sentence(done, reason)
        assert SECRET not in done.out + done.err
    done = shell.with_url(down).run("db", "status", "--json")
    assert (done.code, done.err, done.json["answers"]) == (1, "", False)
    assert "refused" in done.json["why"]
    assert SECRET not in done.out
    says_one_sentence(shell.with_url(down).run("import", write(tmp_path, EXPORT)), "does not answer")
    says_one_sentence(shell.with_url(down).run("materialize"), "does not answer")


def test_a_role_without_rights_is_one_sentence(
    shell: Shell, engine: sa.Engine, maintenance: sa.Engine, empty_engine: sa.Engine
) -> None:
    with maintenance.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE guest LOGIN")
    try:
        for url, reason in {
            engine.url: "lacks",  # a database with the tables, but another's
            empty_engine.url: "lacks",
            engine.url.set(database="absent"): "Database absent is missing and cannot be created",
            engine.url.set(username="nobody_known"): 'role "nobody_known" does not exist',
        }.items():
            guest = url if url.username == "nobody_known" else url.set(username="guest")
            done = shell.with_url(guest.render_as_string(hide_password=False)).run("status")
            if reason == "lacks":
                says_one_sentence(done)
                assert "may not create" in done.err or "cannot be created" in done.err
            else:
                says_one_sentence(done, reason)
    finally:
        with maintenance.connect() as connection:
            connection.exec_driver_sql("DROP ROLE guest")


def test_settings_and_days_that_make_no_sense_are_one_sentence_and_fill_nothing(
    on_url: Shell, engine: sa.Engine
) -> None:
    wrong = Shell(on_url.home, on_url.variables | {"REPLYLOOP_HORIZON_HOURS": "abc"})
    says_one_sentence(wrong.run("materialize"), "REPLYLOOP_HORIZON_HOURS cannot be used")
    for words, reason in {
        "--from 2026-13-01": "--from 2026-13-01 is no day",
        "--from 2026-03-02 --to 2026-03-01": "--from 2026-03-02 comes after --to 2026-03-01",
        "--from 2020-01-01": "history starts on 2025-01-01",
        "--from 2999-01-01 --to 2999-01-02": "has not begun",
        "--to 2999-01-02": "has not begun",
    }.items():
        done = on_url.run("materialize", *words.split())
        says_one_sentence(done, reason)
        assert done.out == ""
    assert read_all(engine, "SELECT count(*) FROM stage_days") == [0]


def test_a_home_that_is_none_is_one_sentence(shell: Shell) -> None:
    file = write(shell.home, "", "file")
    says_one_sentence(Shell(file, {}).run("status"), "REPLYLOOP_HOME")


def test_a_port_that_is_none_is_refused(shell: Shell) -> None:
    done = shell.run("up", "--port", 70000)
    assert done.code == 2
    assert "65535" in done.err
    assert "Traceback" not in done.err


def test_an_error_stops_the_private_server_again(shell: Shell, tmp_path: Path) -> None:
    says_one_sentence(shell.run("import", write(tmp_path, PNG)), "is not text")
    assert (shell.home / "postgres" / "data").exists()  # it was needed to find out
    assert processes_of(shell.home) == []


# importing and reading


def test_an_import_accounts_for_every_row_and_once_more_changes_nothing(
    on_url: Shell, engine: sa.Engine, tmp_path: Path
) -> None:
    rows = [export_row(1), export_row(5), export_row(6, likes="many"), export_row(1)]
    files = [
        write(tmp_path, export_text(rows), "export.csv"),
        write(tmp_path, POSTS, "posts.json"),
    ]
    first = on_url.succeed("import", "--json", *files).json["files"]
    before = contents(engine)
    second = on_url.succeed("import", "--json", *files).json["files"]
    assert contents(engine) == before
    for summary in first + second:
        parts = ("loaded", "updated", "unchanged", "skipped", "quarantined")
        assert summary["read"] == sum(summary[part] for part in parts)
        assert sum(summary["reasons"].values()) == summary["skipped"] + summary["quarantined"]
    export, posts = first
    assert (export["read"], export["loaded"], export["skipped"], export["quarantined"]) == (4, 2, 1, 1)
    assert (posts["read"], posts["loaded"], posts["format"]) == (3, 3, "x_api_v2")
    assert [(summary["loaded"], summary["unchanged"]) for summary in second] == [(0, 2), (0, 3)]


def test_an_empty_database_says_what_to_do_next(on_url: Shell, engine: sa.Engine) -> None:
    answer = on_url.succeed("status", "--json").json
    assert not any(answer["facts"].values())
    assert answer["performance"] == {}
    assert answer["health"]["status"] == "unknown"
    assert len(answer["health"]["sentences"]) == 3
    assert "Nothing is loaded yet: replyloop import FILE" in on_url.succeed("status").out
    filled = on_url.succeed("materialize").out
    assert filled.startswith("Filled 1 day, ")
    assert "nothing is loaded yet: replyloop import FILE" in filled
    days = read_one(engine, "SELECT count(*), count(DISTINCT day), sum(row_count) FROM stage_days")
    assert days[0] >= 7
    assert tuple(days[1:]) == (1, 0)


def test_on_a_terminal_there_is_a_bar_and_it_stays_off_standard_output(on_url: Shell, tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    words = [COMMAND, "import", write(tmp_path, EXPORT, "mine.csv")]
    variables = os.environ | {"REPLYLOOP_HOME": str(on_url.home), "TERM": "xterm"} | on_url.variables
    done = subprocess.run(words, env=variables, stdout=subprocess.PIPE, stderr=terminal, check=True)
    os.close(terminal)
    drawn = os.read(screen, 100_000)
    os.close(screen)
    assert b"Reading mine.csv" in drawn
    assert b"\x1b[" in drawn
    assert done.stdout == b"mine.csv (x_analytics_content): 3 read, 3 loaded.\n"


def test_every_command_has_a_help_that_teaches(shell: Shell) -> None:
    assert "Start with: replyloop demo" in shell.succeed("--help").out
    for command in COMMANDS:
        text = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="replyloop").output
        usage, _, rest = text.strip().partition("\n")
        assert f"replyloop {command}" in usage
        sentences = " ".join(rest.partition("╭")[0].split())
        assert len(sentences) > 20, command
        assert sentences[0].isupper(), command
        if command in ("import", "materialize", "db psql"):
            assert f"For example: replyloop {command} " in sentences
    assert list(shell.home.iterdir()) == []  # to ask for help starts and creates nothing


def test_to_ask_for_help_imports_nothing_that_help_does_not_need() -> None:
    slow = ("numpy", "pandas", "scipy", "pydantic", "sqlalchemy", "psycopg", "dagster")
    code = (
        "import sys\nfrom replyloop_assets.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n"
        f"    print([name for name in {slow} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Start with: replyloop demo" in done.stdout
    assert done.stdout.endswith("\n[]\n")


def test_the_version_is_told_without_a_database() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"replyloop {version('replyloop')}\n")


# the demo


NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)  # two lives are the same if they begin in the same minute
SHORT = ("demo", "--no-serve", "--days", 13, "--per-day", 4)


def test_the_demo_in_a_fresh_home_tells_what_was_learnt_and_leaves_nothing_running(shell: Shell) -> None:
    done = shell.succeed(*SHORT)
    assert "4 replies a day" in done.out
    assert "Filled 14 days, " in done.out
    for learnt in ("Accounts", "Generators", "PersonalStory", "Effort", "Health: "):
        assert learnt in done.out
    assert processes_of(shell.home) == []


def test_the_demo_twice_is_one_life_another_is_afresh_and_the_users_database_is_never_touched(
    shell: Shell, maintenance: sa.Engine, empty_engine: sa.Engine
) -> None:
    user = shell.with_url(empty_engine.url.render_as_string(hide_password=False)).at(NOW)
    query = "SELECT count(*) FROM pg_database"
    with maintenance.connect() as connection:
        before = connection.execute(sa.text(query)).scalar_one()
    lived, second = (user.succeed(*SHORT).out.splitlines() for _ in range(2))
    # what is learnt is said as it is learnt, once
    at = next(place for place, line in enumerate(lived) if line.startswith("A bot lived here"))
    while_living, first = lived[:at], lived[at:]
    told = " ".join(" ".join(while_living).split())
    assert "Day 7, 28 replies: a reply by " in told
    assert "followers; it would get " in told  # while it replies by habit
    assert any(line.startswith("PersonalStory ") for line in while_living)
    other = user.succeed(*SHORT[:-1], 3).out.splitlines()
    # all but the time it took
    assert [line for line in first if not line.startswith("Filled ")] == [
        line for line in second if not line.startswith("Filled ")
    ]
    assert any("52 replies" in line for line in first)
    assert any("39 replies" in line for line in other)
    assert sa.inspect(empty_engine).get_table_names() == []
    with maintenance.connect() as connection:
        assert connection.execute(sa.text(query)).scalar_one() == before


# the simulation


def test_a_simulated_life_answers_one_object_and_a_picture_and_leaves_nothing(
    shell: Shell, tmp_path: Path
) -> None:
    figure = tmp_path / "life.png"
    words = ("simulate", "loop", "--days", 11, "--per-day", 4, "--seed", 5, "--json")
    found = shell.succeed(*words, "--figure", figure).json
    assert figure.read_bytes().startswith(b"\x89PNG")
    keys = ("oracle_fraction", "uniform_fraction", "seed_rules_fraction", "pivots_true", "pivots_false")
    for key in (*keys, "experiments_right", "experiments_wrong"):
        assert f"{key}_se" in found
    assert 0 < found["seed_rules_fraction"] < 1
    assert 0 < found["oracle_fraction"] < 1
    assert [day["day"] for day in found["by_day"]] == list(range(11))
    assert shell.succeed(*words).json == found
    assert list(shell.home.iterdir()) == []  # nothing of the user's is used


def test_a_simulation_that_cannot_be_is_one_sentence(shell: Shell, tmp_path: Path) -> None:
    wrong = write(tmp_path, "[outcome]\nmaen = 5\n", "wrong.toml")
    says_one_sentence(shell.run("simulate", "loop", "--world", wrong), "outcome.maen cannot be used")
    says_one_sentence(shell.run("simulate", "allocation", "--world", "nowhere"), "take one of algorithm")


def test_an_interrupted_simulation_stops_its_server_and_its_lives(shell: Shell) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        process = shell.start("simulate", "loop", "--per-day", 5)
        lives = wait_for(lambda: psutil.Process(process.pid).children(recursive=True))  # noqa: B023
        wait_for(lambda: len(psutil.Process(process.pid).children(recursive=True)) >= 3)  # noqa: B023
        process.send_signal(number)
        says_one_sentence(finish(process), "interrupted; what was finished is kept", code=130)
        psutil.wait_procs(lives, timeout=PATIENCE_S)
        assert processes_of(shell.home) == []


# the private server


def test_a_started_server_runs_on_until_it_is_stopped(shell: Shell) -> None:
    server = shell.server()
    url = shell.succeed("db", "start").out.strip()
    assert url == shell.succeed("db", "url").out.strip()
    pid = server.status().pid
    assert pid is not None
    assert shell.succeed("db", "migrate").out == "Nothing to apply.\n"
    facts = shell.succeed("db", "status", "--json").json
    assert (facts["server"], facts["database"], facts["answers"]) == ("private", "replyloop", True)
    assert "0001_bot_tables" in facts["migrations"]
    assert "(1 row)" in shell.succeed("db", "psql", "-c", "select 1").out
    failed = shell.run("db", "psql", "-c", "select nonsense")
    assert (failed.code, failed.out) == (1, "")
    engine = create_engine(url)  # the URL serves any client, while the server runs
    assert read_all(engine, "SELECT count(*) FROM reply_opportunities") == [0]
    engine.dispose()
    assert shell.succeed("db", "url", "--dagster").out.startswith("postgresql+psycopg2://")
    assert server.status().pid == pid
    assert shell.succeed("db", "stop").out == "Stopped.\n"
    assert processes_of(shell.home) == []
    assert shell.succeed("db", "stop").out == "It was not running.\n"
    down = shell.run("db", "status")
    assert (down.code, down.err) == (1, "")
    assert "answers: False" in down.out


def test_ones_own_server_is_neither_started_nor_stopped(on_url: Shell) -> None:
    says_one_sentence(on_url.run("db", "start"), "names your own server")
    says_one_sentence(on_url.run("db", "stop"), "names your own server")
    assert on_url.succeed("db", "url").out.startswith("postgresql://")
    assert on_url.succeed("db", "migrate").out == "Nothing to apply.\n"


def test_commands_at_once_share_the_server_and_the_last_one_stops_it(shell: Shell) -> None:
    at_once = [shell.start("status", "--json") for _ in range(4)]
    answers = [finish(process) for process in at_once]
    assert [(done.code, done.err) for done in answers] == [(0, "")] * 4
    assert all(done.json == answers[0].json for done in answers)
    assert processes_of(shell.home) == []
    # a server in use is left to the command that uses it
    asleep = shell.start("db", "psql", "-c", "select pg_sleep(600)")
    wait_for(lambda: any("psql postgresql:" in line for line in command_lines(shell.home)))
    says_one_sentence(shell.run("db", "stop"), "Another replyloop command uses the server")
    (psql,) = psutil.Process(asleep.pid).children()
    psql.kill()
    assert finish(asleep).code != 0
    assert processes_of(shell.home) == []


# ends that nobody planned


@pytest.fixture
def twins(engine: sa.Engine, maintenance: sa.Engine) -> Iterator[tuple[sa.Engine, sa.Engine]]:
    """Two databases with the facts of the sample, nothing computed in either."""
    load_life(engine)
    engine.dispose()
    name = f"{engine.url.database}_twin"
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {engine.url.database}")
    twin = create_engine(engine.url.set(database=name).render_as_string(hide_password=False))
    yield engine, twin
    twin.dispose()
    with maintenance.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_killed_materialize_is_completed_by_the_same_command(
    shell: Shell, twins: tuple[sa.Engine, sa.Engine]
) -> None:
    killed, whole = twins
    words = ("materialize", "--from", "2026-08-01", "--to", "2026-08-25")
    on_killed, on_whole = (
        shell.with_url(engine.url.render_as_string(hide_password=False)) for engine in twins
    )
    process = on_killed.start(*words)
    days = "SELECT count(*) FROM stage_days"
    wait_for(lambda: read_all(killed, days)[0] > 40)
    process.kill()
    finish(process)
    facts = contents(killed)["content_metadata"], contents(killed)["tweet_metrics"]
    half = read_all(killed, days)[0]
    on_killed.succeed(*words)
    on_whole.succeed(*words)
    assert 40 < half < read_all(killed, days)[0] == read_all(whole, days)[0]
    assert stage_rows(killed) == stage_rows(whole)
    assert any(stage_rows(whole).values())
    assert (contents(whole)["content_metadata"], contents(whole)["tweet_metrics"]) == facts


def test_an_interrupted_command_stops_the_private_server(shell: Shell) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = shell.start("demo", "--no-serve")
        wait_for(lambda: shell.server().status().running)
        process.send_signal(number)
        says_one_sentence(finish(process), "interrupted; what was finished is kept", code=130)
        assert processes_of(shell.home) == []
