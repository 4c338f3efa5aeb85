"""pandas, imported where it is first used: to describe the graph takes none of it.

It costs a process a third of a second and 40 MB. Whoever imports it from here defers its annotations
(`from __future__ import annotations`): they would ask for it at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["pd"]


class Lazy:
    """A module that is imported when something of it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Lazy("pandas")
