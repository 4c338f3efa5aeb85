"""Between settings and environment variables: their names, and the sentences that refuse them."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

PREFIX = "REPLYLOOP_"


class Variable(NamedTuple):
    """One setting: the names of its variable, the present one first; its group ("" for none) and field."""

    names: tuple[str, ...]
    group: str
    name: str
    field: FieldInfo

    @property
    def unit(self) -> str:
        """What its number counts, or ""."""
        extra = self.field.json_schema_extra
        return str(extra["unit"]) if isinstance(extra, dict) else ""


def variables(model: type[BaseModel], group: str = "") -> Iterator[Variable]:
    """Every setting, the ungrouped ones first."""
    groups = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            groups.append((name, field.annotation))
            continue
        alias = field.validation_alias
        names = [str(one) for one in alias.choices] if isinstance(alias, AliasChoices) else [name]
        yield Variable(tuple(variable_of(group, one) for one in names), group, name, field)
    for name, component in groups:
        yield from variables(component, name)


def variable_of(*parts: object) -> str:
    """The variable of a field in a group."""
    return PREFIX + "__".join(str(part) for part in parts if part != "").upper()


def unknown_variable(model: type[BaseModel], given: Iterable[str]) -> str | None:
    """Why the first variable that sets nothing is refused: a switch misspelt would stay as it was."""
    known = {name for variable in variables(model) for name in variable.names}
    groups = {variable_of(name) for name in model.model_fields}
    for name in sorted(given):
        if name.upper().startswith(PREFIX) and name.upper() not in known | groups:
            return sets_nothing(name, known)
    return None


def sets_nothing(name: str, known: Iterable[str]) -> str:
    """A misspelt name, and the nearest one that exists."""
    nearest = get_close_matches(name.upper(), sorted(known), n=1)
    meant = f"did you mean {nearest[0]}" if nearest else "`replyloop settings` lists them all"
    return f"{name} sets nothing: {meant}? Correct its name or unset it."


def refusal(model: type[BaseModel], error: ValidationError, given: Iterable[str]) -> str:
    """The first thing that cannot be used, in a sentence that names its variable and not its value."""
    first = error.errors(include_url=False)[0]
    place = first["loc"][:2]
    blamed = first.get("ctx", {}).get("field")
    asked = variable_of(*place, blamed or "")
    known = {name: variable for variable in variables(model) for name in variable.names}
    variable = known.get(asked)
    if first["type"] == "extra_forbidden":
        if variable is None:
            return sets_nothing(asked, known)
        return f"{asked} is the former name of {variable.names[0]}, which is set too: unset it."
    why = first["msg"].removeprefix("Value error, ")
    if first["type"] == "model_type":
        why = f"it is no JSON object; its settings have variables of their own, {asked}__…"
    elif variable is not None:
        set_here = {name.upper() for name in given}
        asked = next((name for name in variable.names if name in set_here), asked)
        if why.startswith("Input should"):
            unit = f" ({variable.unit})" if variable.unit else ""
            why = f"it{why.removeprefix('Input')}{unit}"
    return f"{asked} cannot be used: {why}. Correct or unset it."
