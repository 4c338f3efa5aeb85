"""A bot's own decisions: a CSV download of its `content_metadata` table."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from replyloop_assets.sources.cells import DIGITS, LEADING_NAME, USERNAME
from replyloop_assets.sources.csv_rows import read_csv_rows
from replyloop_assets.sources.file_reading import FileStream
from replyloop_assets.sources.headers import DECISION_COLUMNS
from replyloop_assets.sources.items import Items, Loadable, Quarantined, Refused, Skipped, storable
from replyloop_assets.sources.recognise import Recognised
from replyloop_assets.sources.snowflake import FIRST_DAY, derived_decision_id, posted_at

COLUMNS = (*DECISION_COLUMNS, "derived_id")
DECISION_TYPES = ("single", "thread", "reply")
VARIANTS = ("control", "treatment")
MAX_ID_LENGTH = 200
Cells: TypeAlias = Mapping[str, str]
EMPTY = re.compile(r"|null|\\n", re.IGNORECASE)  # how downloads write NULL


def read_decisions(stream: FileStream, recognised: Recognised, latest: datetime) -> Items:
    """The posted decisions of a download as rows of `COLUMNS`; those without a post skipped."""
    for row in read_csv_rows(stream, recognised, DECISION_COLUMNS):
        if isinstance(row, Quarantined):
            yield row
            continue
        cells = dict(zip(DECISION_COLUMNS, row.cells, strict=True))
        if _cell(cells, "decision_id") is not None and _cell(cells, "tweet_id") is None:
            yield Skipped("decision without a post")
            continue
        try:
            yield Loadable(_read_decision(cells, latest))
        except Refused as refused:
            yield row.quarantined(str(refused))


def _read_decision(row: Cells, latest: datetime) -> tuple[object, ...]:
    decision_id = _cell(row, "decision_id")
    if decision_id is None or len(decision_id) > MAX_ID_LENGTH:
        raise Refused("no decision id")
    tweet_id = _digits(row, "tweet_id")
    assert tweet_id is not None
    posted = _instant(_cell(row, "posted_at"), tweet_id)
    if posted > latest:
        raise Refused("posted in the future")
    target_tweet_id = _digits(row, "target_tweet_id")
    target = (_cell(row, "target_username") or "").removeprefix("@") or None
    if target is not None and not USERNAME.fullmatch(target):
        raise Refused("target_username is no user name")
    content = storable(row["content"]) or None
    decision_type = _one_of(row, "decision_type", DECISION_TYPES)
    if decision_type is None:
        is_reply = target or target_tweet_id or (content and LEADING_NAME.match(content))
        decision_type = "reply" if is_reply else "single"
    experiment_id = _cell(row, "experiment_id")
    if experiment_id is not None:
        try:
            experiment_id = str(uuid.UUID(experiment_id))
        except ValueError:
            raise Refused("experiment_id is no UUID") from None
    values: dict[str, object] = {
        "decision_id": decision_id,
        "tweet_id": tweet_id,
        "posted_at": posted,
        "decision_type": decision_type,
        "content": content,
        "format": _cell(row, "format"),
        "generator_name": _cell(row, "generator_name"),
        "target_username": target,
        "target_tweet_id": target_tweet_id,
        "status": _cell(row, "status") or "posted",
        "experiment_id": experiment_id,
        "experiment_variant": _one_of(row, "experiment_variant", VARIANTS),
        "derived_id": derived_decision_id(tweet_id),
    }
    return tuple(values[column] for column in COLUMNS)


def _cell(row: Cells, column: str) -> str | None:
    text = storable(row[column]).strip()
    return None if EMPTY.fullmatch(text) else text


def _digits(row: Cells, column: str) -> str | None:
    text = _cell(row, column)
    if text is not None and not DIGITS.fullmatch(text):
        raise Refused(f"{column} is no number")
    return text


def _one_of(row: Cells, column: str, known: tuple[str, ...]) -> str | None:
    text = _cell(row, column)
    if text is not None and text.lower() not in known:
        raise Refused(f"unknown {column}")
    return text.lower() if text else None


def _instant(text: str | None, tweet_id: str) -> datetime:
    """The posting time of the download, UTC where it names no zone; else that of the id."""
    if text is None:
        if int(tweet_id) >= 2**63 or posted_at(tweet_id) < FIRST_DAY:
            raise Refused("no posting time")
        return posted_at(tweet_id)
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("posted_at is no time") from None
