"""Which columns a CSV has: X renames them between exports and translates them.

Only spellings seen in real files are listed. An export in another language is known by the order of
its columns and by what stands in them.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

METRICS = (
    "impressions",
    "likes",
    "engagements",
    "bookmarks",
    "shares",
    "followers_gained",
    "replies",
    "reposts",
    "profile_clicks",
    "detail_expands",
    "url_clicks",
    "hashtag_clicks",
    "permalink_clicks",
)
CONTENT_ORDER = ("tweet_id", "date", "content", "link", *METRICS)
CONTENT_NEEDED = ("tweet_id", "content", "impressions", "likes")
DECISION_NEEDED = ("decision_id", "tweet_id", "posted_at")
DECISION_COLUMNS = (
    *DECISION_NEEDED,
    "decision_type",
    "content",
    "format",
    "generator_name",
    "target_username",
    "target_tweet_id",
    "status",
    "experiment_id",
    "experiment_variant",
)

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "tweet_id": ("post id", "tweet id", "ポストid"),
    "date": ("date", "日付"),
    "time": ("time",),
    "content": ("post text", "tweet text", "ポスト本文"),
    "link": ("post link", "link", "tweet permalink", "ポストのリンク"),
    "impressions": ("impressions", "インプレッション数"),
    "likes": ("likes", "いいね"),
    "engagements": ("engagements", "エンゲージメント"),
    "bookmarks": ("bookmarks", "ブックマーク"),
    "shares": ("shares", "share", "共有された回数"),
    "followers_gained": ("new follows", "follows", "新しいフォロー"),
    "replies": ("replies", "返信"),
    "reposts": ("reposts", "retweets", "リポスト"),
    "profile_clicks": ("profile visits", "user profile clicks", "プロフィールへのアクセス数"),
    "detail_expands": ("detail expands", "詳細のクリック数"),
    "url_clicks": ("url clicks", "urlのクリック数"),
    "hashtag_clicks": ("hashtag clicks", "ハッシュタグのクリック数"),
    "permalink_clicks": ("permalink clicks", "パーマリンクのクリック数"),
}


def normalise(header: str) -> str:
    """A header without what exports and spreadsheets do to it: marks, quotes, capitals, spaces."""
    text = unicodedata.normalize("NFKC", header).replace("\ufeff", "").replace("_", " ")
    text = text.strip(" \t\r\n\"'\\")
    return re.sub(r"\s+", " ", text).casefold()


BY_SPELLING = {normalise(spelling): column for column, all_ in SPELLINGS.items() for spelling in all_}


def analytics_columns(header: Sequence[str]) -> dict[str, int]:
    """Position of each column of an analytics export that the header names, the first of a pair."""
    found: dict[str, int] = {}
    for position, name in enumerate(header):
        column = BY_SPELLING.get(normalise(name))
        if column is not None:
            found.setdefault(column, position)
    return found


def decision_columns(header: Sequence[str]) -> dict[str, int]:
    """Position of each `content_metadata` column that the header names."""
    found: dict[str, int] = {}
    for position, name in enumerate(header):
        column = normalise(name).replace(" ", "_")
        if column in DECISION_COLUMNS:
            found.setdefault(column, position)
    return found
