"""What an import did, row by row accounted for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ERROR_TITLES = 50  # titles of API errors told apart; a file may hold any number of them
OTHER_ERRORS = "other errors"


@dataclass
class Tally:
    """What the readers count while they read."""

    read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    newest: datetime | None = None  # of all posts in the file, reposts too

    @property
    def loadable(self) -> int:
        """The rows that are in order, repeats among them."""
        return self.read - self.skipped.total() - self.quarantined.total()

    def add_error(self, title: str) -> None:
        """Count an error that the API reported."""
        known = title in self.errors or len(self.errors) < ERROR_TITLES
        self.errors[title if known else OTHER_ERRORS] += 1

    def see(self, instant: datetime) -> None:
        """Take note of when a post was made."""
        self.newest = instant if self.newest is None else max(self.newest, instant)


@dataclass(frozen=True)
class Summary:
    """Rows read = loaded + updated + unchanged + skipped + quarantined, always.

    `reasons` counts the skipped and the quarantined by reason; `errors` counts, by title, what the
    API reported in the file, which are no rows. `oldest` and `newest`: posting times of the posts
    loaded, updated or unchanged, UTC.
    """

    source: str
    format: str
    read: int = 0
    loaded: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    newest: datetime | None = None

    def __post_init__(self) -> None:
        rows = self.loaded + self.updated + self.unchanged + self.skipped + self.quarantined
        assert self.read == rows, f"{self.read} rows read, {rows} accounted for"
        assert sum(self.reasons.values()) == self.skipped + self.quarantined

    def __add__(self, other: "Summary") -> "Summary":
        """The summary of both; the format is "several" where they differ."""
        return Summary(
            source=f"{self.source}, {other.source}",
            format=self.format if self.format == other.format else "several",
            read=self.read + other.read,
            loaded=self.loaded + other.loaded,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            skipped=self.skipped + other.skipped,
            quarantined=self.quarantined + other.quarantined,
            reasons=dict(Counter(self.reasons) + Counter(other.reasons)),
            errors=dict(Counter(self.errors) + Counter(other.errors)),
            oldest=min(filter(None, (self.oldest, other.oldest)), default=None),
            newest=max(filter(None, (self.newest, other.newest)), default=None),
        )

    def as_dict(self) -> dict[str, Any]:
        """The summary for JSON; instants in ISO 8601, UTC."""
        return {
            "source": self.source,
            "format": self.format,
            "read": self.read,
            "loaded": self.loaded,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "skipped": self.skipped,
            "quarantined": self.quarantined,
            "reasons": dict(self.reasons),
            "errors": dict(self.errors),
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "newest": self.newest.isoformat() if self.newest else None,
        }
