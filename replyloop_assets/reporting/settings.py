"""Every setting in words: as rows, and as docs/settings.md, which this prints when run as a module."""

import json
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from replyloop_assets.learning.fields import LARGEST_COUNT
from replyloop_assets.settings import RULES, Settings
from replyloop_assets.text import plain
from replyloop_assets.variables import Variable, variables

NOT_SET, SECRET = "not set", "set, and secret"
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
HEAD = """\
# Settings

Each is an environment variable. What cannot be used is refused in a sentence, and so is a name that sets
nothing. A list is JSON (`["sleep", "gut health"]`) or words between commas (`sleep,gut health`).
`replyloop settings` prints what holds now, and whether the environment says so. This page is written by
`make docs`. (`REPLYLOOP_CLOCK`, an instant at which a process's clock starts, is for tests and rehearsals.)
"""


def describe(found: Settings) -> list[dict[str, Any]]:
    """Every setting as a row; of a secret it says whether it is set, and nothing else."""
    rows = []
    for variable in variables(Settings):
        component = getattr(found, variable.group) if variable.group else found
        value = getattr(component, variable.name)
        rows.append(
            {
                "variable": variable.names[0],
                "group": variable.group,
                "value": SECRET if isinstance(value, SecretStr) else value,
                "origin": "environment" if variable.name in component.model_fields_set else "default",
                "unit": variable.unit,
                "meaning": variable.field.description,
            }
        )
    return rows


def shown(value: Any) -> str:
    """A value as one would write it into its variable."""
    if value is None:
        return NOT_SET
    if isinstance(value, tuple):
        in_words = ",".join(value)
        return plain(
            in_words if in_words.count(",") < max(len(value), 1) else json.dumps(value, ensure_ascii=False),
            None,
        )
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else plain(value, None)


def title(group: str) -> str:
    """What a group is about, in a sentence."""
    if not group:
        return "Where things are, and the time they go by."
    return str(Settings.model_fields[group].annotation.__doc__).partition("\n")[0]


def page() -> Iterator[str]:
    """The lines of docs/settings.md."""
    yield HEAD
    for group, members in groupby(variables(Settings), lambda variable: variable.group):
        yield f"## {group or 'general'}\n\n{title(group)}\n"
        yield "| variable | default | may be | |\n|---|---|---|---|"
        for variable in members:
            default = variable.field.default
            known = "" if default in (None, PydanticUndefined) else f"`{shown(default)}`"
            former = "".join(f" Formerly `{name}`, which still works." for name in variable.names[1:])
            meaning = f"{variable.field.description}{former}"
            yield f"| `{variable.names[0]}` | {known} | {range_of(variable)} | {meaning} |"
        yield ""


def range_of(variable: Variable) -> str:
    """The values that a setting takes, as far as they are numbers or few words."""
    kind = variable.field.annotation
    if kind is bool:
        return "`true`, `false`"
    words = get_args(kind) if get_origin(kind) is Literal else ()
    if variable.name == "rule":
        words = RULES.get(variable.group, words)
    if words:
        return ", ".join(f"`{word}`" for word in words)
    bounds = [
        f"{sign} {in_figures(getattr(bound, name))}"
        for bound in variable.field.metadata
        for name, sign in SIGNS.items()
        if getattr(bound, name, LARGEST_COUNT) != LARGEST_COUNT
    ]
    return ", ".join([*([variable.unit] if variable.unit else []), *bounds])


def in_figures(bound: float | date) -> str:
    """A bound as one reads it."""
    return str(bound) if isinstance(bound, date) else f"{int(bound) if bound == int(bound) else bound:,}"


if __name__ == "__main__":
    print("\n".join(page()), end="")
