"""Writes the sample: 90 days of a synthetic bot's life, in the formats X and a bot really use.

`python -m replyloop_assets_tests.sample.writing` writes the three files again, byte for byte the same:
searches as API v2 answers them, X analytics' content export, and the bot's own decisions. Every name
and text is made up. What the accounts, hours, tiers and generators bring is known here and nowhere
else, so that what the loop says of it can be compared.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np

FOLDER = Path(__file__).parent
SEED = 20261029
FIRST = datetime(2026, 8, 1, tzinfo=UTC)
DAYS = 90
SEARCHES_PER_DAY = 4
REPLIES_PER_SEARCH = 3
OWN_NAME = "ex_replybot"
EXPERIMENT = UUID("5a3c9f2e-0000-4000-8000-000000000001")
EXPERIMENT_FROM = 20  # day of the sample on which the experiment on generators starts

TOPICS = ("sleep", "longevity", "protein", "running", "focus", "sunlight")
QUERIES = (
    '("health" OR "wellness" OR "longevity") -is:reply lang:en',
    "(sleep OR focus) -is:reply lang:en",
    "min_likes:25000 -is:reply lang:en",
)
GENERATORS = {"ResearchSynthesizer": 1.0, "PersonalStory": 1.5, "ContrarianTake": 0.7}
FORMATS = {"single": 1.0, "thread": 1.25}
EXPORT_HEADER = (
    "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,"
    "Replies,Reposts,Profile visits,Detail Expands,URL Clicks,Hashtag Clicks,Permalink Clicks"
).split(",")
DECISION_HEADER = (
    "decision_id,decision_type,tweet_id,target_username,target_tweet_id,generator_name,format,status,"
    "posted_at,experiment_id,experiment_variant"
).split(",")


@dataclass(frozen=True)
class Account:
    """An invented author: size, and how much better or worse than average a reply to them does."""

    id: str
    username: str
    followers: int
    effect: float


@dataclass(frozen=True)
class Post:
    """A post as a search found it, and what a reply to it is worth before the reply's own part."""

    id: int
    author: Account
    posted_at: datetime
    found_at: datetime
    likes: int
    replies: int
    topic: str


def tweet_id(at: datetime, rng: np.random.Generator) -> int:
    """An id as X makes it: the milliseconds since its epoch, then 22 bits of machine and sequence."""
    return ((int(at.timestamp() * 1000) - 1288834974657) << 22) | int(rng.integers(1 << 22))


def invent_accounts(rng: np.random.Generator) -> list[Account]:
    """Thirty authors with heavy-tailed sizes."""
    return [
        Account(
            id=str(10_000 + n),
            username=f"ex_{TOPICS[n % len(TOPICS)]}{n:02d}",
            followers=int(np.exp(rng.normal(12.5, 1.3))),
            effect=float(np.exp(rng.normal(0, 0.5))),
        )
        for n in range(30)
    ]


def invent_search(at: datetime, accounts: list[Account], rng: np.random.Generator) -> list[Post]:
    """The posts one search finds; one in eight is too dull to be replied to."""
    posts = []
    for _ in range(REPLIES_PER_SEARCH + int(rng.random() < 0.5)):
        author = accounts[int(rng.integers(len(accounts)))]
        age = float(np.clip(rng.lognormal(4.9, 1.0), 5, 3000))
        likes = int(np.clip(rng.lognormal(9.6, 1.0), 300, 400_000))
        posted_at = at - timedelta(minutes=age)
        posts.append(
            Post(
                tweet_id(posted_at, rng), author, posted_at, at, likes,
                int(likes * rng.uniform(0.004, 0.03)), TOPICS[int(rng.integers(len(TOPICS)))],
            )
        )  # fmt: skip
    return posts


def api_page(at: datetime, query: str, posts: list[Post]) -> dict[str, object]:
    """One answer of API v2's recent search, with the users it mentions."""
    authors = {post.author.id: post.author for post in posts}
    return {
        "data": [
            {
                "id": str(post.id),
                "text": f"What nobody tells you about {post.topic}",
                "author_id": post.author.id,
                "created_at": f"{post.posted_at:%Y-%m-%dT%H:%M:%S}.000Z",
                "lang": "en",
                "public_metrics": {
                    "like_count": post.likes,
                    "reply_count": post.replies,
                    "retweet_count": post.likes // 9,
                },
            }
            for post in posts
        ],
        "includes": {
            "users": [
                {
                    "id": author.id,
                    "username": author.username,
                    "public_metrics": {"followers_count": author.followers},
                }
                for author in authors.values()
            ]
        },
        "meta": {"result_count": len(posts)},
        "__twarc": {
            "url": "https://api.x.com/2/tweets/search/recent?query=" + query.replace(" ", "+"),
            "retrieved_at": at.isoformat(),
        },
    }


def mean_followers(post: Post, reply_at: datetime, generator: str, style: str) -> float:
    """The truth: what a reply brings on average."""
    age = (post.found_at - post.posted_at) / timedelta(minutes=1)
    timing = 1.6 if age < 120 else 1.1 if age < 360 else 0.6
    hour = 1.3 if 13 <= reply_at.hour < 22 else 0.8
    tier = 0.6 + 0.5 * np.log10(max(post.likes, 1000) / 1000)
    crowd = 0.6 if post.replies > 500 else 1.0
    effect = GENERATORS[generator] * FORMATS[style] * post.author.effect
    return float(3.0 * timing * hour * tier * crowd * effect)


def draw_outcome(mean: float, rng: np.random.Generator) -> dict[str, int]:
    """Followers zero-inflated and heavy-tailed, with visits, likes and impressions that go with them."""
    positive = float(np.clip(0.4 * np.sqrt(mean / 5), 0.05, 0.9))
    followers = 0
    if rng.random() < positive:
        followers = max(1, round(float(np.exp(rng.normal(np.log(mean / positive) - 0.845, 1.3)))))
    visits = followers * 3 + int(rng.poisson(2 + mean))
    likes = int(rng.poisson(1 + 1.5 * followers + mean))
    return {
        "followers": followers,
        "visits": visits,
        "likes": likes,
        "impressions": int(rng.lognormal(6.5, 0.8)) + 40 * visits,
    }


def live(rng: np.random.Generator) -> Iterator[tuple[dict[str, object], list[list[object]]]]:
    """Search by search: the page found, and for each reply its export row and its decision row."""
    accounts = invent_accounts(rng)
    for search in range(DAYS * SEARCHES_PER_DAY):
        day, turn = divmod(search, SEARCHES_PER_DAY)
        at = FIRST + timedelta(days=day, hours=turn * 6 + 1, minutes=int(rng.integers(50)))
        posts = invent_search(at, accounts, rng)
        rows: list[list[object]] = []
        for post in posts[:REPLIES_PER_SEARCH]:
            rows += write_reply(post, at, day, rng)
        yield api_page(at, QUERIES[int(rng.integers(len(QUERIES)))], posts), rows


def write_reply(post: Post, at: datetime, day: int, rng: np.random.Generator) -> list[list[object]]:
    """One reply: its row in the export, and the bot's row about it."""
    reply_at = at + timedelta(seconds=int(rng.integers(60, 3600)))
    variant = ""
    generator = list(GENERATORS)[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]
    if day >= EXPERIMENT_FROM:
        variant = "treatment" if rng.random() < 0.3 else "control"
        generator = "PersonalStory" if variant == "treatment" else "ResearchSynthesizer"
    style = "thread" if rng.random() < 0.2 else "single"
    outcome = draw_outcome(mean_followers(post, reply_at, generator, style), rng)
    id_ = tweet_id(reply_at, rng)
    export = [
        id_, f"{reply_at:%a, %b} {reply_at.day}, {reply_at.year}",
        f"@{post.author.username} On {post.topic}: the evidence in one line",
        f"https://x.com/{OWN_NAME}/status/{id_}",
        outcome["impressions"], outcome["likes"], outcome["likes"] + outcome["visits"], 0, 0,
        outcome["followers"], outcome["likes"] // 5, outcome["likes"] // 9, outcome["visits"],
        outcome["visits"] // 2, 0, 0, 0,
    ]  # fmt: skip
    decision = [
        f"sample-{id_}", "reply", id_, post.author.username, post.id, generator, style, "posted",
        datetime.fromtimestamp(((id_ >> 22) + 1288834974657) / 1000, UTC).isoformat(),
        EXPERIMENT if variant else "", variant,
    ]  # fmt: skip
    return [export, decision]


def write_sample(folder: Path) -> None:
    """Write the three files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pages, rows = zip(*live(np.random.default_rng(SEED)), strict=True)
    flat = [row for group in rows for row in group]
    with (folder / "x_api_v2_posts.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(page, separators=(",", ":")) + "\n" for page in pages)
    for name, header, table in (
        ("account_analytics_content.csv", EXPORT_HEADER, flat[0::2]),
        ("decisions.csv", DECISION_HEADER, flat[1::2]),
    ):
        with (folder / name).open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([header, *table])


if __name__ == "__main__":
    write_sample(FOLDER)
