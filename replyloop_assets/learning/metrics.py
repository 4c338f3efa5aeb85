"""What a reply brings that can be counted. A metric stands here once; everything else asks this table.

The outcome of a reply holds every count of its snapshot; those of this table are summed up by day
(`daily_rollup`) and can have a part in what a reply is worth (`REPLYLOOP_ALLOCATION__<NAME>_WEIGHT`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric: its name in settings and code, its column in a snapshot, its words for one and for many.

    `weight` is what one of it is worth by default, in followers.
    """

    name: str
    column: str
    one: str
    many: str
    weight: float = 0.0


FOLLOWERS = Metric("followers", "followers_gained", "follower", "followers", weight=1.0)
VISITS = Metric("visits", "profile_clicks", "profile visit", "profile visits")
METRICS = (
    FOLLOWERS,
    VISITS,
    Metric("engagement", "likes", "like", "likes"),
    Metric("impressions", "impressions", "impression", "impressions"),
)
COLUMNS = {metric.name: metric.column for metric in METRICS}
