"""What an edge is made of: a view of fixed columns, and the table of the bot's behind it."""

from dataclasses import dataclass

ANY = "ANY"  # a column of whatever type, as the bot has it
RECORDED = "clock_timestamp()"


@dataclass(frozen=True)
class Column:
    """A column of a view: its type, the default of one that is made, its other names, what is lost without.

    `spare` are columns that it is read from where it is empty, and that are never written for it. `blank`
    is what a bot's column that may not be empty is given when there is nothing to write. One that is not
    `is_added` is done without where a bot's table has none.
    """

    name: str
    type: str
    default: str = ""
    also: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    lost: str = ""
    blank: str = ""
    is_added: bool = True

    def definition_as(self, name: str) -> str:
        """As it stands in the statement that makes it under that name."""
        return f"{name} {self.type}" + (f" DEFAULT {self.default}" if self.default else "")

    @property
    def definition(self) -> str:
        """As it stands in the statement that makes it."""
        return self.definition_as(self.name)


@dataclass(frozen=True)
class Edge:
    """A view and the table behind it: the table's own key, the columns, the indexes that its readers need.

    In an index `{column}` stands for the form that the column has at the bot. `derived` are columns of a
    bot's that can be written from others. `natural_key` names a row where the table's key does not.
    """

    view: str
    table: str
    key: Column
    columns: tuple[Column, ...]
    indexes: tuple[str, ...]
    derived: tuple[tuple[str, str], ...] = ()
    natural_key: str = ""

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The key, then the others."""
        return (self.key, *self.columns)
