"""What settings are made of: fields with a unit, bounds and a sentence, and groups of them that refuse."""

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

MOST_DAYS = 3650
LARGEST_COUNT = 2**31 - 1  # PostgreSQL's INTEGER
DAYS = "days"
SHARE = "a part of 1"
PERCENT = "percent"


def setting(default: Any, meaning: str, unit: str = "", **bounds: Any) -> Any:
    """A field: what holds when nobody sets it, one sentence, its unit, and bounds as pydantic's."""
    return Field(default, description=meaning, json_schema_extra={"unit": unit}, **bounds)


def days(default: int, meaning: str, least: int = 1) -> Any:
    """A field that counts days, up to ten years."""
    return setting(default, meaning, DAYS, ge=least, le=MOST_DAYS)


def count(default: int, meaning: str, unit: str, least: int = 0) -> Any:
    """A field that counts anything else."""
    return setting(default, meaning, unit, ge=least, le=LARGEST_COUNT)


def share(default: float, meaning: str, **bounds: float) -> Any:
    """A field from 0 to 1, or within narrower bounds."""
    low = {} if "gt" in bounds else {"ge": 0.0}
    high = {} if "lt" in bounds else {"le": 1.0}
    return setting(default, meaning, SHARE, **low | high | bounds)


class Component(BaseModel):
    """The settings of one component. It never changes; an unknown name, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def changed(self, **values: Any) -> Self:
        """A copy with other values, checked like any.

        Raises:
            ValueError: they cannot be used; the sentence says why.
        """
        return type(self)(**self.model_dump(exclude_unset=True) | values)

    def require(self, holds: bool, why: str, *names: str) -> None:
        """Refuse fields that do not go together; what a person set of them is blamed, else the first."""
        if not holds:
            field = next((name for name in names if name in self.model_fields_set), names[0])
            raise PydanticCustomError("together", "{why}", {"why": why, "field": field})

    def require_order(self, low: str, high: str) -> None:
        """Refuse the one above the other."""
        lower, upper = getattr(self, low), getattr(self, high)
        self.require(lower <= upper, f"{low} ({lower:g}) is more than {high} ({upper:g})", low, high)


def read_list(value: object) -> object:
    """A list as the environment gives it: JSON, or words between commas."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [word.strip() for word in value.split(",")]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("it begins like a JSON list and is none") from None


Words = Annotated[tuple[str, ...], BeforeValidator(read_list)]


def chosen_among(
    known: Sequence[str], what: str, least: int = 0
) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """A validator of lists: each word is one of the known and stands there once, `least` of them."""

    def check(words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if word not in known:
                raise ValueError(f"{word[:60]!r} is no dimension {what}: choose among {', '.join(known)}")
        if len(set(words)) < len(words):
            raise ValueError("it names a dimension twice")
        if len(words) < least:
            raise ValueError(f"it must name {least} of {', '.join(known)} at least")
        return words

    return check
