"""How a bot's table answers the contract: pure, from what the catalogue says and what the settings name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from replyloop_assets.warehouse.edges.casts import WHOLE, literal, quote, read_as, write_as
from replyloop_assets.warehouse.edges.catalogue import OwnColumn, OwnTable
from replyloop_assets.warehouse.edges.contract import ANY, Column, Edge


@dataclass(frozen=True)
class Names:
    """What a person says of their bot: other names (of tables; of `table.column`), fixed values, the zone.

    `posted` are the words, in lower case, with which the bot says that a post is out, the likeliest first.
    """

    tables: Mapping[str, str]
    columns: Mapping[str, str]
    values: Mapping[str, str]
    zone: str
    posted: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A column of the bot's that is written, and the SQL of its value from NEW.

    `column` is the view's that it is the home of: None where it only must not stay empty in a new row.
    """

    own: OwnColumn
    column: Column | None
    value: str


@dataclass(frozen=True)
class Fitted:
    """A column of a view: the bot's columns that it is read from, how, and what cannot be used.

    `homes` are read and written, `spares` only read where those are empty. `read` is None where the bot has
    nothing for it; `unusable` are columns of its name with a type that cannot be read as it.
    """

    column: Column
    homes: tuple[OwnColumn, ...]
    spares: tuple[OwnColumn, ...]
    read: str | None
    unusable: tuple[OwnColumn, ...]

    @property
    def sources(self) -> tuple[OwnColumn, ...]:
        """The bot's columns that it is read from, the first that holds a value."""
        return (*self.homes, *self.spares)

    @property
    def is_plain(self) -> bool:
        """Whether it is a column as it is, which PostgreSQL writes through a view by itself."""
        return (
            len(self.homes) == len(self.sources) == 1
            and self.read == quote(self.homes[0].name)
            and not self.is_computed
            and not self.homes[0].is_rounded
        )

    @property
    def is_computed(self) -> bool:
        """Whether the bot's table computes it: it is read, and nobody writes it."""
        return self.column.type != ANY and any(own.is_automatic for own in self.sources)


@dataclass(frozen=True)
class Fit:
    """A table and its edge: each column fitted, what is written, and what nothing is known to write to.

    `words` are, by column of the view, the bot's words for the loop's, where its table takes no other.
    """

    edge: Edge
    table: OwnTable
    columns: tuple[Fitted, ...]
    written: tuple[Written, ...]
    untold: tuple[str, ...]
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[Column, ...]:
        """The columns that the bot has nothing for, or nothing that may be written."""
        return tuple(fitted.column for fitted in self.columns if not fitted.homes)

    @property
    def is_plain(self) -> bool:
        """Whether PostgreSQL can write through the view by itself, which costs nothing."""
        return (
            self.table.is_stored
            and not self.table.deferred
            and not self.words
            and all(fitted.is_plain for fitted in self.columns)
            and not self.untold
            and all(
                written.column and written.value == f"NEW.{written.column.name}" for written in self.written
            )
        )

    @property
    def key(self) -> Fitted | None:
        """The column of the view by which one row is told from every other; None where there is none."""
        for name in (self.edge.key.name, self.edge.natural_key):
            fitted = next((one for one in self.columns if one.column.name == name), None)
            if fitted and len(fitted.sources) == 1 and self.table.is_key(fitted.sources[0]):
                return fitted
        return None

    def fitted(self, name: str) -> Fitted:
        """The column of the view of that name."""
        return next(fitted for fitted in self.columns if fitted.column.name == name)


def fit(edge: Edge, table: OwnTable, names: Names) -> Fit:
    """Fit a table to its edge."""
    columns = tuple(fit_column(edge, column, table, names) for column in edge.all_columns)
    written: dict[str, Written] = {}
    for fitted in columns:
        column = fitted.column
        for place, own in enumerate(fitted.homes):
            value = write_as(f"NEW.{column.name}", own, column.type, names.zone)
            if value is None or own.is_automatic or own.name in written:
                continue
            if column.type == ANY:  # the loop has no ids to give
                if own.must_be_told and own.type == "uuid":
                    written[own.name] = Written(own, None, column.default)
                continue
            if own.must_be_told and column.blank:
                value = f"coalesce({value}, {column.blank})"
            written[own.name] = Written(own, None if place else column, value)
    derived = dict(edge.derived)
    for own in table.columns:
        fixed = names.values.get(f"{edge.table}.{own.name}")
        if fixed is not None:
            written[own.name] = Written(own, None, f"{literal(fixed)}::{own.full_type}")
        elif own.must_be_told and own.name not in written and own.name in derived:
            written[own.name] = Written(own, None, derived[own.name])
    untold = tuple(own.name for own in table.columns if own.must_be_told and own.name not in written)
    return Fit(edge, table, columns, tuple(written.values()), untold)


def fit_column(edge: Edge, column: Column, table: OwnTable, names: Names) -> Fitted:
    """The bot's columns for one of the loop's.

    Its home is what the settings name, else the column of its own name, else the first of another name.
    One of another name joins it where the bot lets no row be without it; the others are read where the
    home is empty, unless the settings named one.
    """
    named = names.columns.get(f"{edge.table}.{column.name}")
    wanted = [*([named] if named else []), added_name(column, table), column.name, *column.also]
    there = list(dict.fromkeys(own for name in wanted if (own := table.alike(name)) is not None))
    forms = {own: form for own in there if (form := read_as(own, column.type, names.zone)) is not None}
    usable = list(forms)
    if column.type == ANY:  # an id that names no row is none
        usable = [own for own in usable if table.is_key(own)]
    # a decision's id is any text: a column of numbers is read, and cannot be its home
    homely = [own for own in usable if column is not edge.key or column.type == ANY or own.type not in WHOLE]
    homes = [own for place, own in enumerate(homely) if place == 0 or own.must_be_told]
    spares: list[OwnColumn] = []
    if not homes or not homes[0].is_required:
        spares = [own for own in usable if own not in homes and not (named and homes)]
        for own in filter(None, map(table.column, column.spare)):
            if own not in forms and (form := read_as(own, column.type, names.zone)) is not None:
                forms[own] = form
                spares.append(own)
                break
    reads = [forms[own] for own in (*homes, *spares)]
    read = f"coalesce({', '.join(reads)})" if len(reads) > 1 else next(iter(reads), None)
    unusable = tuple(own for own in there if own not in forms)
    return Fitted(column, tuple(homes), tuple(spares), read, unusable)


def added_name(column: Column, table: OwnTable) -> str:
    """The name under which it is added: its own, or one that says whose it is where that is taken."""
    return f"replyloop_{column.name}" if table.column(column.name) is not None else column.name
