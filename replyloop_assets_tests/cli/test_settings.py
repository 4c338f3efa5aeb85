"""`replyloop settings`, and the page that the same models write."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from replyloop_assets.cli.main import app
from replyloop_assets.reporting.settings import page
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.variables import variables

PAGE = Path(__file__).parents[2] / "docs/settings.md"
SECRETS = {
    "REPLYLOOP_DATABASE_URL": "postgresql://user:s3cret@host/name",
    "REPLYLOOP_DAGSTER_URL": "postgresql://user:s3cret@host/dagster",
    "REPLYLOOP_ALERT_WEBHOOK_URL": "https://hooks.example.com/s3cret",
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Settings are read anew for each test, and again by whatever follows."""
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["settings", *words])
    assert done.exit_code == 0, done.output
    return done.output


def rows() -> dict[str, dict[str, Any]]:
    return {row["variable"]: row for row in json.loads(said("--json"))["settings"]}


def test_every_setting_is_told_with_its_value_origin_unit_and_meaning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__FAMILIES", "format")
    monkeypatch.setenv("REPLYLOOP_HORIZON_HOURS", "24")  # what it would be anyway
    found = rows()
    assert list(found) == [variable.names[0] for variable in variables(Settings)]
    assert found["REPLYLOOP_ALLOCATION__WINDOW_DAYS"] == {
        "variable": "REPLYLOOP_ALLOCATION__WINDOW_DAYS",
        "group": "allocation",
        "value": 120,
        "origin": "default",
        "unit": "days",
        "meaning": "How far back the evidence goes.",
    }
    dimensions = found["REPLYLOOP_ALLOCATION__DIMENSIONS"]
    assert (dimensions["value"], dimensions["origin"]) == (["format"], "environment")
    origins = {name for name, row in found.items() if row["origin"] == "environment"}
    assert origins == {"REPLYLOOP_HOME", "REPLYLOOP_HORIZON_HOURS", "REPLYLOOP_ALLOCATION__DIMENSIONS"}


def test_people_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_SEARCH__TOPICS", '["sleep, deep", "caf\u00e9"]')
    monkeypatch.setenv("REPLYLOOP_BOT_SCHEMA", "bot\x1b[2J")
    words = said()
    assert all(variable.names[0] in words for variable in variables(Settings))
    assert "  REPLYLOOP_ALLOCATION__WINDOW_DAYS = 120 days (default)\n" in words
    assert '  REPLYLOOP_SEARCH__TOPICS = ["sleep, deep", "caf\u00e9"] a list (environment)\n' in words
    assert "\x1b" not in words


def test_a_secret_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows()["REPLYLOOP_DATABASE_URL"]["value"] is None
    load_settings.cache_clear()
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    assert {rows()[name]["value"] for name in SECRETS} == {"set, and secret"}
    assert "s3cret" not in said() + said("--json") + "\n".join(page())


def test_the_page_is_what_the_models_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment of whoever writes it; `make docs` writes it anew."""
    monkeypatch.setenv("REPLYLOOP_HORIZON_HOURS", "48")
    assert PAGE.read_text(encoding="utf-8") == "\n".join(page())
