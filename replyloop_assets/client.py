"""What a bot asks and tells, in Python: one method per SQL function, of the same name.

    with Loop("postgresql://my_bot@host/replyloop") as loop:
        for claim in loop.claim_next(3):
            ...

This file needs psycopg 3 and nothing else of the project: a bot that does not want replyloop installed
takes a copy of it. docs/bot.md says what each function does.
"""

import json
import math
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import RowFactory, class_row, tuple_row
from psycopg.types.json import Jsonb
from psycopg.types.numeric import FloatLoader

WAITS_S = (0.2, 1.0)  # before the second and the third attempt
CONNECT_TIMEOUT_S = 10
BIGINT_MOST = 2**63 - 1
RATED = "opportunity_score_v2"  # is in the answer to an opportunity that was taken
OUR_NOW = ("at", "discovered_at", "posted_at")  # left out, the database's clock counts


@dataclass(frozen=True)
class Score:
    """How a post rates. A tier is None where what it is read from is not known; the score is 0 to 100."""

    engagement_tier: str | None
    account_size_tier: str | None
    timing_window: str | None
    opportunity_score_v2: float


@dataclass(frozen=True)
class PlannedSearch:
    """One search of the live plan. The shares of `budget_share` sum to 1 over the plan."""

    position: int
    label: str
    priority: int
    min_likes: int
    is_exploration: bool
    budget_share: float
    web_query: str
    api_query: str
    reason: str
    as_of: datetime


@dataclass(frozen=True)
class QueuedPost:
    """A post in the queue, with what would likely be decided for it."""

    tweet_id: str
    target_username: str
    tweet_text: str | None
    engagement_tier: str
    account_size: str
    timing_window: str | None
    score: float
    likely_generator: str | None
    predicted_followers: float | None
    reason: str


@dataclass(frozen=True)
class Claim:
    """A post that is yours until `lease_until`, and how to answer it.

    `arms` maps a dimension (format, engagement_tier, …) to the arm drawn; one without an allocation
    is missing. `generator_probability` is the exact chance the generator had.
    """

    decision_id: str
    tweet_id: str
    target_username: str
    tweet_text: str | None
    score: float
    generator: str
    generator_probability: float
    arms: Mapping[str, str]
    experiment_id: UUID | None
    variant: str | None
    predicted_followers: float | None
    reason: str
    lease_until: datetime


@dataclass(frozen=True)
class Arm:
    """The arm of a dimension for a unit; all but the reason are None while it has no allocation."""

    arm: str | None
    probability: float | None
    available: Mapping[str, float] | None
    as_of: datetime | None
    reason: str


@dataclass(frozen=True)
class Variant:
    """The variant of an experiment for a unit; None where it takes no new units."""

    variant: str | None
    strategy: str | None
    probability: float | None
    reason: str


@dataclass(frozen=True)
class Generator:
    """The generator for a reply. `band`: use, use with caution, default, or experiment."""

    generator: str
    probability: float
    expected_followers: float | None
    confidence: float | None
    band: str
    experiment_id: UUID | None
    variant: str | None
    reason: str


@dataclass(frozen=True)
class Told:
    """What became of something told.

    `reason` says why it was quarantined; `feedback` is the verdict on a reply (high or low) once there is
    one; `score` is that of an opportunity.
    """

    status: Literal["recorded", "unchanged", "quarantined"]
    reason: str | None = None
    feedback: str | None = None
    score: Score | None = None


Answer = TypeVar("Answer", Score, PlannedSearch, QueuedPost, Claim, Arm, Variant, Generator)
Row = TypeVar("Row")


class Loop:
    """The loop at a database URL, over one connection of its own, opened by the first call.

    Threads may share a Loop: their calls take turns. Processes may not; give each its own. Each call is
    one transaction. One that is safe to repeat is tried three times when the connection is lost; only
    `claim_next` is not (what a lost answer claimed returns to the queue when its lease ends). A text may
    hold anything: what PostgreSQL cannot store is replaced. An instant needs a time zone.

    `at`, where a method has it, stands in for the present in a simulation or a test.
    """

    def __init__(self, url: str) -> None:
        plain = re.sub(r"^postgres(ql)?\+\w+://", "postgresql://", url)  # SQLAlchemy's way to write it
        given: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, **conninfo_to_dict(plain)}
        self._address = make_conninfo(**given)
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    # asking: nothing is decided

    def score_opportunity(
        self,
        like_count: int | None,
        posted_minutes_ago: int | None,
        reply_count: int | None,
        username: str | None = None,
        follower_count: int | None = None,
    ) -> Score:
        """Tiers and score of a post, with what is known of its author."""
        return self._ask(
            Score,
            "score_opportunity",
            like_count=like_count,
            posted_minutes_ago=posted_minutes_ago,
            reply_count=reply_count,
            username=username,
            follower_count=follower_count,
        )[0]

    def read_search_plan(self) -> list[PlannedSearch]:
        """The live search plan, best first; empty until it was computed once."""
        return self._ask(PlannedSearch, "read_search_plan")

    def peek_queue(self, most: int = 10, at: datetime | None = None) -> list[QueuedPost]:
        """The best posts to answer, one an author, at most 1000. Looking decides nothing."""
        return self._ask(QueuedPost, "peek_queue", most=max(0, min(most, 1000)), at=at)

    # deciding: the first answer for a unit stands

    def claim_next(
        self, most: int = 1, claimed_by: str | None = None, at: datetime | None = None
    ) -> list[Claim]:
        """Take up to `most` posts (100 at once) from the queue; fewer, or none, if it holds no more."""
        most = max(0, min(most, 100))
        return self._ask(Claim, "claim_next", repeatable=False, most=most, claimed_by=claimed_by, at=at)

    def generator_for(self, account: str, unit: str, at: datetime | None = None) -> Generator:
        """The generator for a reply to an account; `unit` names the reply."""
        return self._ask(Generator, "generator_for", account=account, unit=unit, at=at)[0]

    def arm_for(self, dimension: str, unit: str, at: datetime | None = None) -> Arm:
        """The arm of a dimension (format, posting_hour, …) for a unit."""
        return self._ask(Arm, "arm_for", dimension=dimension, unit=unit, at=at)[0]

    def variant_for(self, experiment: UUID | str, unit: str, at: datetime | None = None) -> Variant:
        """The variant of an experiment for a unit."""
        return self._ask(Variant, "variant_for", experiment=UUID(str(experiment)), unit=unit, at=at)[0]

    # telling: the same thing told twice is unchanged

    def record_opportunity(
        self,
        tweet_id: str,
        target_username: str,
        like_count: int | None,
        reply_count: int | None,
        posted_minutes_ago: int | None,
        *,
        author_follower_count: int | None = None,
        search_query: str | None = None,
        tweet_text: str | None = None,
        discovered_at: datetime | None = None,
    ) -> Told:
        """A post worth a reply. Its age in minutes is that at `discovered_at`, which is now if None."""
        return self._tell(
            "record_opportunity",
            tweet_id=tweet_id,
            target_username=target_username,
            like_count=like_count,
            reply_count=reply_count,
            posted_minutes_ago=posted_minutes_ago,
            author_follower_count=author_follower_count,
            search_query=search_query,
            tweet_text=tweet_text,
            discovered_at=discovered_at,
        )

    def record_reply(
        self,
        decision_id: str,
        tweet_id: str,
        posted_at: datetime | None = None,
        *,
        content: str | None = None,
        target_tweet_id: str | None = None,
        target_username: str | None = None,
        generator_name: str | None = None,
        format: str | None = None,  # noqa: A002 # as the function names it
    ) -> Told:
        """A reply that was posted, now if `posted_at` is None.

        What is left out is taken from the claim of that decision; where there was none, say it.
        """
        return self._tell(
            "record_reply",
            decision_id=decision_id,
            tweet_id=tweet_id,
            posted_at=posted_at,
            content=content,
            target_tweet_id=target_tweet_id,
            target_username=target_username,
            generator_name=generator_name,
            format=format,
        )

    def record_metrics(
        self,
        tweet_id: str,
        collected_at: datetime,
        *,
        followers_gained: int | None = None,
        likes: int | None = None,
        impressions: int | None = None,
        profile_clicks: int | None = None,
        replies: int | None = None,
        reposts: int | None = None,
        bookmarks: int | None = None,
        engagements: int | None = None,
    ) -> Told:
        """A snapshot of a reply's counts, each in total since it was posted; None: not measured."""
        return self._tell(
            "record_metrics",
            tweet_id=tweet_id,
            collected_at=collected_at,
            followers_gained=followers_gained,
            likes=likes,
            impressions=impressions,
            profile_clicks=profile_clicks,
            replies=replies,
            reposts=reposts,
            bookmarks=bookmarks,
            engagements=engagements,
        )

    def record_error(
        self,
        component: str,
        message: str,
        severity: Literal["info", "warning", "error", "critical"] = "error",
        detail: Mapping[str, object] | None = None,
        error_id: str | None = None,
    ) -> Told:
        """An error of the bot's. Two calls with one `error_id` are one error; None: an error of its own."""
        return self._tell(
            "record_error",
            component=component,
            message=message,
            severity=severity,
            detail=None
            if detail is None
            else Jsonb(storable(detail), dumps=partial(json.dumps, default=str)),
            error_id=error_id or str(uuid4()),
        )

    def _ask(
        self, kind: type[Answer], function: str, *, repeatable: bool = True, **arguments: object
    ) -> list[Answer]:
        # by name: a function that answers more one day still suits this client
        columns = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(kind))
        return self._run(columns, function, arguments, class_row(kind), repeatable)

    def _tell(self, function: str, **arguments: object) -> Told:
        ((said,),) = self._run(sql.SQL("*"), function, arguments, tuple_row, repeatable=True)
        score = Score(**{field.name: said[field.name] for field in fields(Score)}) if RATED in said else None
        return Told(said["status"], said.get("reason"), said.get("feedback"), score)

    def _run(
        self,
        columns: sql.Composable,
        function: str,
        arguments: Mapping[str, object],
        row_factory: RowFactory[Row],
        repeatable: bool,
    ) -> list[Row]:
        given = {
            name: storable(value)
            for name, value in arguments.items()
            if value is not None or name not in OUR_NOW
        }
        pairs = (sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in given)
        query = sql.SQL("SELECT {} FROM {}({})").format(
            columns, sql.Identifier("replyloop", function), sql.SQL(", ").join(pairs)
        )
        waits = iter(WAITS_S)
        while True:
            was_sent = False
            try:
                with self._lock:
                    connection = self._ready(check=not repeatable)
                    was_sent = True
                    with connection.cursor(row_factory=row_factory) as cursor:
                        return cursor.execute(query, given).fetchall()
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.OperationalError:
                wait = next(waits, None)
                if wait is None or (was_sent and not repeatable):
                    raise
            time.sleep(wait)

    def _ready(self, check: bool) -> psycopg.Connection[Any]:
        """The connection, opened anew if it is known to be gone; `check` makes sure."""
        if check and self._connection is not None and not self._connection.closed:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.OperationalError:
                self._connection.close()
        if self._connection is None or self._connection.closed:
            # no prepared statements: a pooler may give each call another session
            self._connection = psycopg.connect(self._address, autocommit=True, prepare_threshold=None)
            self._connection.adapters.register_loader("numeric", FloatLoader)
        return self._connection


def storable(value: Any) -> Any:
    """The value as PostgreSQL can take it: no NUL, no half characters, no number beyond 64 bits.

    Raises:
        ValueError: an instant without a time zone, which could mean anything.
    """
    match value:
        case str():
            return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
        case bool() | None:
            return value
        case int():  # out of range all the same, so that it goes to quarantine
            return max(-BIGINT_MOST, min(value, BIGINT_MOST))
        case float() if not math.isfinite(value):
            return str(value)
        case datetime() if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: say datetime(…, tzinfo=UTC).")
        case Mapping():
            return {storable(str(name)): storable(inner) for name, inner in value.items()}
        case list() | tuple() | set():
            return [storable(inner) for inner in value]
    return value
