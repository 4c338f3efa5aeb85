"""`replyloop up` from end to end: what it serves, that it is alone, and that it ends whole."""

import json
import signal
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from replyloop_assets.assets import STAGES
from replyloop_assets_tests.commands import (
    PATIENCE_S,
    Shell,
    command_lines,
    finish,
    free_port,
    new_shell,
    processes_of,
    says_one_sentence,
    wait_for,
)

CHAIN = ("reply_opportunities", *(stage.name for stage in STAGES))
OUTSIDE = {"x_posts", "x_analytics_export", "content_metadata", "tweet_metrics", "discovered_accounts"}
GRAPH = """
{
  repositoriesOrError {
    ... on RepositoryConnection {
      nodes {
        name
        location { name }
        assetNodes {
          assetKey { path }
          groupName
          description
          kinds
          owners { ... on TeamAssetOwner { team } ... on UserAssetOwner { email } }
          isMaterializable
          isPartitioned
          dependencyKeys { path }
        }
      }
    }
    ... on PythonError { message }
  }
}
"""

RELOAD = """
mutation {
  reload: reloadRepositoryLocation(repositoryLocationName: "replyloop") {
    ... on WorkspaceLocationEntry { locationOrLoadError { __typename } }
  }
}
"""
RELOADED = {"locationOrLoadError": {"__typename": "RepositoryLocation"}}


@pytest.fixture
def shell() -> Iterator[Shell]:
    """A fresh home with the private server; in the end nothing of it may be running."""
    with new_shell() as shell:
        yield shell


def read_json(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=PATIENCE_S) as answer:
        return json.load(answer)


def start_up(shell: Shell, port: int) -> Any:
    """`replyloop up`, once it has printed where the lineage is."""
    process = shell.start("up", "--port", port)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("The lineage: "):
            assert f"http://127.0.0.1:{port}/asset-groups?" in line
            return process
    raise AssertionError(finish(process))


def kinds_of_processes(shell: Shell) -> dict[str, int]:
    """How many of each program run for this home: without what they start in passing."""
    programs = {
        "up": "replyloop up",
        "webserver": "-m dagster_webserver",
        "daemon": "-m replyloop_assets.automation.daemon",
        "code server": "-m dagster api grpc",
        "postmaster": str(shell.home / "postgres" / "data"),
    }
    lines = command_lines(shell.home)
    return {name: sum(part in line for line in lines) for name, part in programs.items()}


def is_webserver(process: psutil.Process) -> bool:
    return "dagster_webserver" in process.cmdline()


ONE_OF_EACH = {"up": 1, "webserver": 1, "daemon": 1, "code server": 1, "postmaster": 1}


def test_the_graph_is_served_to_one_and_ends_with_ctrl_c(shell: Shell) -> None:
    port = free_port()
    process = start_up(shell, port)
    address = f"http://127.0.0.1:{port}"
    assert "dagster_webserver_version" in read_json(f"{address}/server_info")
    shows_the_assets(read_json(f"{address}/graphql", {"query": GRAPH})["data"])

    # a second one is refused, whether at the same home or only at the same port
    says_one_sentence(shell.run("up", "--port", free_port()), "replyloop is already up for ")
    with new_shell() as other:
        says_one_sentence(other.run("up", "--port", port), f"Port {port} is taken")
    assert "dagster_webserver_version" in read_json(f"{address}/server_info")
    assert kinds_of_processes(shell) == ONE_OF_EACH

    # other commands go on beside it, and leave its server alone
    shell.succeed("status")
    says_one_sentence(shell.run("db", "stop"), "Another replyloop command uses the server")

    # a code server that dies is followed by another, which the UI finds
    (code_server,) = (one for one in psutil.Process(process.pid).children() if "grpc" in one.cmdline())
    code_server.kill()
    code_server.wait()
    wait_for(lambda: read_json(f"{address}/graphql", {"query": RELOAD})["data"]["reload"] == RELOADED)
    assert kinds_of_processes(shell) == ONE_OF_EACH

    process.send_signal(signal.SIGINT)
    done = finish(process)
    restarted = "The code server ended with -9 and is started anew.\n"
    assert (done.code, done.out, done.err) == (0, f"{restarted}Ended.\n", "")
    assert processes_of(shell.home) == []


def shows_the_assets(data: Any) -> None:
    """The chain and what it reads from outside, each with what a reader of the lineage needs."""
    (repository,) = data["repositoriesOrError"]["nodes"]
    assert repository["location"]["name"] == "replyloop"
    nodes = {"/".join(node["assetKey"]["path"]): node for node in repository["assetNodes"]}
    assert nodes.keys() >= {*CHAIN, *OUTSIDE}
    for name, node in nodes.items():
        assert node["groupName"] not in ("", "default"), name
        assert len(node["description"] or "") > 20, name
        assert node["kinds"], name
        assert node["owners"] == [{"team": "replyloop"}], name
    for name in OUTSIDE:
        assert not nodes[name]["isMaterializable"], name
    for stage in STAGES:
        node = nodes[stage.name]
        assert node["isMaterializable"], stage.name
        assert node["isPartitioned"], stage.name
        assert node["groupName"] == stage.group, stage.name
        upstream = {"/".join(key["path"]) for key in node["dependencyKeys"]}
        assert upstream >= {read.stage for read in stage.reads}, stage.name


def test_a_killed_up_is_followed_by_one_set_of_processes_that_ends_with_term(shell: Shell) -> None:
    port = free_port()
    killed = start_up(shell, port)
    webserver = next(child for child in psutil.Process(killed.pid).children() if is_webserver(child))
    killed.kill()
    finish(killed)
    left = {process.pid for process in processes_of(shell.home) if process.info["name"] != "postgres"}
    assert kinds_of_processes(shell) == ONE_OF_EACH | {"up": 0}  # nobody was left to end them
    webserver.kill()  # and what it has started is nobody's child any more

    process = start_up(shell, port)
    assert kinds_of_processes(shell) == ONE_OF_EACH
    assert left
    assert not {running.pid for running in processes_of(shell.home)} & left

    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert (done.code, done.out, done.err) == (0, "Ended.\n", "")
    assert processes_of(shell.home) == []
