"""A rule is chosen once, by its name in its component's registry; nobody asks for the name again."""

import re
from pathlib import Path

import pytest

import replyloop_assets
from replyloop_assets.settings import RULES, Settings

PACKAGE = Path(replyloop_assets.__file__).parent


def test_nobody_asks_which_rule_it_is() -> None:
    asked = re.compile(r"""rule["']?\]?\s*(==|!=)\s*["']""")
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if asked.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("component", RULES)
def test_each_component_has_the_seeds_rule_and_its_own(component: str) -> None:
    assert set(RULES[component]) >= {"default", "seed"}
    assert getattr(Settings(), component).rule == "default"
