"""What the loop wants of a bot's tables: each column once, with the names that other bots give it.

A bot that has no such table is given it. A column that is missing is added, where the bot has none of
another name for it.
"""

from replyloop_assets.warehouse.edges.contract import ANY, RECORDED, Column, Edge

ID = Column("id", ANY, default="gen_random_uuid()")
NO_CLAIM = "no post can be claimed, none is classified by its author"
NO_LATE = "a fact that comes late is not noticed: fill its days anew by hand"
ADDRESS = "'https://x.com/i/status/' || NEW.tweet_id"
ADDRESSES = tuple((name, ADDRESS) for name in ("tweet_url", "post_url", "url", "permalink"))


def count(name: str, *also: str, lost: str = "") -> Column:
    """A number of something."""
    return Column(name, "BIGINT", also=also, lost=lost)


def recorded_at() -> Column:
    """When a row was written, by the clock of the database."""
    return Column("recorded_at", "TIMESTAMPTZ", RECORDED, lost=NO_LATE)


FOUND_POSTS = Edge(
    "found_posts",
    "reply_opportunities",
    ID,
    (
        Column(
            "tweet_id",
            "TEXT",
            also=("post_id", "target_tweet_id", "status_id"),
            lost="no post can be claimed, and no reply finds what it answered",
        ),
        Column("tweet_text", "TEXT", also=("tweet_content", "post_text", "content", "text"), blank="''"),
        Column(
            "target_username",
            "TEXT",
            also=(
                "tweet_author",
                "author_username",
                "account_username",
                "author_handle",
                "username",
                "author",
            ),
            lost=NO_CLAIM,
        ),
        count(
            "author_follower_count",
            "author_followers",
            "followers_count",
            "account_followers",
            "follower_count",
            lost="size tiers come from the accounts alone",
        ),
        count("like_count", "likes", "favorite_count", "likes_count", lost="no post has an engagement tier"),
        count("reply_count", "replies", "replies_count", lost="competition does not count"),
        count("repost_count", "retweet_count", "reposts", "retweets"),
        count("impression_count", "view_count", "views", "impressions"),
        Column("lang", "TEXT", also=("language",)),
        Column("search_query", "TEXT", also=("query", "found_by"), lost="nothing is learnt of searches"),
        Column("tweet_posted_at", "TIMESTAMPTZ", also=("post_created_at", "tweet_created_at")),
        Column("posted_minutes_ago", "INTEGER", also=("age_minutes", "minutes_ago")),
        Column(
            "discovered_at",
            "TIMESTAMPTZ",
            "now()",
            also=("found_at", "scraped_at", "harvested_at", "created_at", "inserted_at"),
            lost="no post is of any day: nothing is classified",
        ),
        recorded_at(),
        Column("engagement_tier", "TEXT"),
        Column("account_size_tier", "TEXT"),
        Column("timing_window", "TEXT"),
        Column("opportunity_score_v2", "NUMERIC(10, 2)", "0"),
    ),
    (
        "INDEX IF NOT EXISTS idx_reply_opportunities_tweet ON {table} ({tweet_id})",
        "INDEX IF NOT EXISTS idx_reply_opportunities_discovered ON {table} ({discovered_at})",
        "INDEX IF NOT EXISTS idx_reply_opportunities_recorded ON {table} ({recorded_at})",
    ),
    ADDRESSES,
    natural_key="tweet_id",
)

ACCOUNTS = Edge(
    "accounts",
    "discovered_accounts",
    ID,
    (
        Column(
            "username",
            "TEXT",
            also=("handle", "screen_name", "account_username", "user_name"),
            lost="no account is known",
        ),
        count("follower_count", "followers_count", "followers", lost="size tiers come from posts alone"),
        Column("priority_score", "DOUBLE PRECISION", "0.5"),
        Column("high_priority", "BOOLEAN", "FALSE"),
        Column("discovered_at", "TIMESTAMPTZ", "now()", also=("discovery_date", "found_at", "created_at")),
        Column("updated_at", "TIMESTAMPTZ", "now()", also=("last_updated", "modified_at")),
        Column("performance_tier", "TEXT"),
        Column("avg_followers_per_reply", "NUMERIC(10, 2)", "0"),
        Column("last_success_at", "TIMESTAMPTZ"),
        # from which an account's priority is folded
        Column("base_priority_score", "DOUBLE PRECISION"),
        Column("base_last_success_at", "TIMESTAMPTZ"),
    ),
    ("INDEX IF NOT EXISTS idx_discovered_accounts_username ON {table} (lower({username}))",),
    natural_key="username",
)

OWN_POSTS = Edge(
    "own_posts",
    "content_metadata",
    Column("decision_id", "TEXT", spare=("id", "uuid", "post_id", "tweet_id")),
    (
        # single | thread | reply
        Column("decision_type", "TEXT", "'reply'", also=("content_type", "post_type", "kind")),
        Column("content", "TEXT", also=("reply_content", "reply_text", "text", "body"), blank="''"),
        Column("format", "TEXT", also=("format_strategy", "style"), lost="nothing is learnt of formats"),
        Column(
            "generator_name",
            "TEXT",
            also=("generator", "generator_used"),
            lost="nothing is learnt of generators",
        ),
        Column(
            "target_username",
            "TEXT",
            also=("reply_to_username", "target_author", "target_account", "in_reply_to_screen_name"),
            lost="nothing is learnt of accounts, and no author rests after a reply",
        ),
        Column("target_username_source", "TEXT"),  # decision | text: read off a leading @name
        Column(
            "target_tweet_id",
            "TEXT",
            also=("reply_to_tweet_id", "in_reply_to_tweet_id", "in_reply_to_status_id", "parent_tweet_id"),
            lost="a reply's tiers are unknown, as its post is not found",
        ),
        Column(
            "tweet_id",
            "TEXT",
            also=("posted_tweet_id", "reply_tweet_id", "x_post_id", "status_id"),
            lost="no reply finds its metrics: nothing is learnt",
        ),
        # a table without one is given none: there a post is out once it has an id
        Column("status", "TEXT", "'posted'", also=("state", "post_status"), is_added=False),
        Column(
            "posted_at",
            "TIMESTAMPTZ",
            also=("published_at", "sent_at", "tweeted_at", "replied_at"),
            lost="no reply is of any day: nothing is learnt",
        ),
        Column("experiment_id", "UUID", lost="experiments are judged by the ledger alone"),
        # control | treatment
        Column("experiment_variant", "TEXT", also=("experiment_arm", "variant", "experiment_group")),
        count("actual_likes"),
        count("actual_impressions"),
        Column("actual_engagement_rate", "DOUBLE PRECISION"),
        Column("updated_at", "TIMESTAMPTZ", "now()", also=("modified_at",)),
        recorded_at(),
    ),
    (
        "INDEX IF NOT EXISTS idx_content_metadata_posted ON {table} ({posted_at})",
        "INDEX IF NOT EXISTS idx_content_metadata_tweet ON {table} ({tweet_id})",
        "INDEX IF NOT EXISTS idx_content_metadata_target ON {table} (lower({target_username}), {posted_at})",
        "INDEX IF NOT EXISTS idx_content_metadata_target_tweet ON {table} ({target_tweet_id})",
        "INDEX IF NOT EXISTS idx_content_metadata_recorded ON {table} ({recorded_at})",
    ),
    ADDRESSES,
)

COUNTS = (
    count("impressions", "impression_count", "views", "view_count"),
    count("likes", "like_count", "favorite_count"),
    count("replies", "reply_count"),
    count("reposts", "retweets", "retweet_count", "repost_count"),
    count("bookmarks", "bookmark_count"),
    count("shares", "share_count"),
    count("engagements", "engagement_count", "total_engagement"),
    count(
        "followers_gained",
        "new_followers",
        "new_follows",
        "followers_attributed",
        "follows",
        lost="nobody knows what a reply brings: the ranking goes by visits alone",
    ),
    count("profile_clicks", "profile_visits", "user_profile_clicks"),
    count("detail_expands"),
    count("url_clicks", "link_clicks"),
    count("hashtag_clicks"),
    count("permalink_clicks"),
)
SNAPSHOT = (
    Column("tweet_id", "TEXT", also=("post_id", "status_id"), lost="no snapshot finds its post"),
    Column(
        "collected_at",
        "TIMESTAMPTZ",
        "now()",
        also=("captured_at", "fetched_at", "measured_at", "snapshot_at", "scraped_at", "updated_at"),
        lost="no snapshot has an instant: nothing ripens",
    ),
    # bot | api | export: one look, taken when the export was made
    Column("source", "TEXT", "'bot'"),
    *COUNTS,
    recorded_at(),
)
BOT_SNAPSHOTS = Edge(
    "bot_snapshots",
    "tweet_metrics",
    ID,
    SNAPSHOT,
    (
        "INDEX IF NOT EXISTS idx_tweet_metrics_tweet ON {table} ({tweet_id}, {collected_at})",
        "INDEX IF NOT EXISTS idx_tweet_metrics_recorded ON {table} ({recorded_at})",
        # the newest snapshot of a day is looked up for each day of a window
        "INDEX IF NOT EXISTS idx_tweet_metrics_collected ON {table} ({collected_at})",
    ),
)

ACCOUNT_FOLLOWERS = Edge(
    "account_followers",
    "account_follower_snapshots",
    ID,
    (
        Column("username", "TEXT", also=("handle", "account_username")),
        Column("collected_at", "TIMESTAMPTZ", "now()", also=("captured_at", "snapshot_at", "created_at")),
        count("follower_count", "followers_count", "followers"),
    ),
    (
        "INDEX IF NOT EXISTS idx_account_follower_snapshots_account "
        "ON {table} (lower({username}), {collected_at})",
    ),
)

EVENTS = Edge(
    "events",
    "system_events",
    ID,
    (
        Column("event_type", "TEXT", also=("type", "name")),
        Column("event_data", "JSONB", also=("data", "payload", "metadata")),
        Column("severity", "TEXT", "'info'", also=("level",)),  # info | warning | error | critical
        Column("created_at", "TIMESTAMPTZ", "now()", also=("occurred_at", "timestamp")),
    ),
    (
        "INDEX IF NOT EXISTS idx_system_events_type ON {table} ({event_type}, {created_at})",
        "INDEX IF NOT EXISTS idx_system_events_created ON {table} ({created_at})",
        # an error told twice is found by its id, of any length; an alert is told once
        "INDEX IF NOT EXISTS idx_system_events_error_id ON {table} "
        "USING hash (({event_data} ->> 'error_id')) WHERE {event_type} = 'bot_error'",
        "UNIQUE INDEX IF NOT EXISTS idx_system_events_alert ON {table} (({event_data} ->> 'alert')) "
        "WHERE {event_type} = 'replyloop_alert'",
    ),
)

EDGES = (FOUND_POSTS, ACCOUNTS, OWN_POSTS, BOT_SNAPSHOTS, ACCOUNT_FOLLOWERS, EVENTS)
