"""What replies can be told apart by. A dimension stands here once; everything else asks this table.

SQL is given the names as parameters, or finds them in the database's table `dimensions`. What the value of a
dimension is, is worked out where its facts are: of a post in `sql/functions/opportunity_slots.sql`, of a
reply in `sql/stages/reply_outcomes.sql`.
"""

from dataclasses import dataclass

UNKNOWN = "unknown"  # the value of what nobody recorded: counted, never rated, never chosen


@dataclass(frozen=True)
class Dimension:
    """One dimension: its name everywhere, its title for people, and where it takes part.

    Attributes:
        is_slot: a post has it before anybody replies: the queue draws it (`claim_next`).
        is_allocated: effort is shared among its values.
        is_testable: the bot is told its value reply by reply, so an experiment can decide about it.
        is_rated: analytics rate its values.
        is_shown: the status has a table of it.
        is_diagnosed: health asks it where a drop comes from.
        has_trend: health follows its values over weeks.
    """

    name: str
    title: str
    is_slot: bool = False
    is_allocated: bool = True
    is_testable: bool = False
    is_rated: bool = True
    is_shown: bool = True
    is_diagnosed: bool = False
    has_trend: bool = True


ALL = "all"  # every reply: the baseline
DIMENSIONS = (
    Dimension("account", "Accounts", is_allocated=False, has_trend=False),
    Dimension("posting_hour", "Posting hours (UTC)"),
    # of equally sure slots the queue draws the first one first
    Dimension("timing_window", "Age of the post", is_slot=True),
    Dimension("engagement_tier", "Likes of the post", is_slot=True, is_diagnosed=True),
    Dimension("account_size", "Size of the account", is_slot=True, is_diagnosed=True),
    Dimension("search_query", "Searches", is_slot=True),
    Dimension("generator", "Generators", is_testable=True, is_diagnosed=True),
    Dimension("format", "Formats", is_testable=True),
    Dimension(
        "account_generator", "Generators by account",
        is_allocated=False, is_rated=False, is_shown=False, has_trend=False,
    ),
    Dimension(
        "experiment", "Experiments", is_allocated=False, is_rated=False, is_shown=False, has_trend=False
    ),
)  # fmt: skip

SLOTS = tuple(one.name for one in DIMENSIONS if one.is_slot)
ALLOCATED = tuple(one.name for one in DIMENSIONS if one.is_allocated)
TESTABLE = tuple(one.name for one in DIMENSIONS if one.is_testable)
RATED = tuple(one.name for one in DIMENSIONS if one.is_rated)
DIAGNOSED = tuple(one.name for one in DIMENSIONS if one.is_diagnosed)
TRENDING = (ALL, *(one.name for one in DIMENSIONS if one.has_trend))
TITLES = {one.name: one.title for one in DIMENSIONS if one.is_shown}
