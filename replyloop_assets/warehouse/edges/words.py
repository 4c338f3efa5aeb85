"""The loop's words and the bot's: what a table of the bot's calls a post that is out, or a grave event."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from replyloop_assets.warehouse.edges.casts import literal, quote
from replyloop_assets.warehouse.edges.catalogue import OwnColumn
from replyloop_assets.warehouse.edges.fit import Fit, Names
from replyloop_assets.warehouse.edges.tables import EVENTS, OWN_POSTS

# what bots call a post that is out, in lower case: to the loop it is "posted"
POSTED_WORDS = (
    "posted",
    "published",
    "success",
    "succeeded",
    "sent",
    "live",
    "tweeted",
    "replied",
    "completed",
)
# what an event of each severity may be called, where our word is refused
SEVERITY_WORDS = {
    "info": ("info", "notice", "debug", "log", "low"),
    "warning": ("warning", "warn", "medium", "moderate"),
    "error": ("error", "err", "high", "major", "critical"),
    "critical": ("critical", "crit", "fatal", "severe", "emergency", "high", "error"),
}


def translate(connection: sa.Connection, one: Fit, names: Names) -> dict[str, dict[str, str]]:
    """The words of the loop's that the bot's table refuses, by column, each with one that it takes."""
    wanted = {
        OWN_POSTS: {"status": {"posted": names.posted}},
        EVENTS: {"severity": SEVERITY_WORDS},
    }
    found = {}
    for name, words in wanted.get(one.edge, {}).items():
        homes = one.fitted(name).homes
        rules = [rule for column, rule in one.table.rules if homes and column == homes[0].name]
        if not homes or not (rules or homes[0].is_enum):
            continue
        taken = {ours: taken_word(connection, homes[0], rules, likely) for ours, likely in words.items()}
        if others := {ours: theirs for ours, theirs in taken.items() if theirs not in (ours, None)}:
            found[name] = {ours: str(theirs) for ours, theirs in others.items()}
    return found


def taken_word(
    connection: sa.Connection, own: OwnColumn, rules: list[str], words: Iterable[str]
) -> str | None:
    """The first of the words, in any case, that the bot's column takes; None where it takes none."""
    asked = ", ".join(rules or ["TRUE"])
    forms = [form for word in words for form in (word, word.upper(), word.capitalize())]
    for word in dict.fromkeys(forms):
        question = (
            f"SELECT bool_and(coalesce(rule, TRUE)) FROM (SELECT unnest(ARRAY[{asked}]) AS rule "
            f"FROM (SELECT {literal(word)}::{own.full_type} AS {quote(own.name)}) AS told) AS asked"
        )
        try:
            with connection.begin_nested():
                if connection.exec_driver_sql(question.replace("%", "%%")).scalar_one():
                    return word
        except DBAPIError:  # no word of the enumeration
            continue
    return None
