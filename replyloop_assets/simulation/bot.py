"""A bot like any other: it knows X and the loop's functions, and nothing of the truth.

It searches by the plan, tells what it found, claims, replies, looks at its replies after 3 and 24 hours,
and tells what it saw; sometimes badly (`Trouble`). For its first days it replies by habit, as a bot does
before it meets the loop: to any post, with any generator, in any format.
"""

import heapq
import math
from collections import Counter
from datetime import datetime, timedelta
from itertools import count
from typing import Literal

import numpy as np

from replyloop_assets.client import Loop, PlannedSearch
from replyloop_assets.simulation.audience import HOSTILE_NAMES, HOSTILE_TEXTS, Post, matches
from replyloop_assets.simulation.platform import Platform
from replyloop_assets.simulation.world import Trouble

Severity = Literal["info", "warning", "error", "critical"]

HOUR = timedelta(hours=1)
LOOKS_AT_HOURS = (3, 24)
READS_PER_REPLY = 4
BUSIEST_HOUR = 1 / 8  # of a day's replies: nobody writes them all at once
CLAIMS_AT = timedelta(minutes=50)
TIMELINE = "timeline"
ERRORS: tuple[tuple[str, str, Severity], ...] = (
    ("harvester", "HTTP 429 Too Many Requests: retry after {n} seconds", "warning"),
    ("poster", "Reply to {n} was refused: 403 Forbidden", "error"),
    ("metrics", "Timeout after {n} ms while reading post {n}", "error"),
    ("generator", "The model answered nothing for request {n}", "critical"),
)


class Bot:
    """One bot's life, an hour at a time."""

    def __init__(
        self, loop: Loop, platform: Platform, per_day: int, habit_days: int, trouble: Trouble, seed: int
    ) -> None:
        self.loop, self.platform, self.trouble = loop, platform, trouble
        self.per_day, self.habit_days = per_day, habit_days
        self.name = f"bot {seed}"
        self.rng = np.random.default_rng(seed)
        self.plan: list[PlannedSearch] = []
        self.due: list[tuple[datetime, int, str, datetime]] = []  # told at, order, reply, looked at
        self.to_write: Counter[int] = Counter()  # replies still to write, by the hour of the day
        self.order = count()
        self.pool: dict[str, Post] = {}

    def live(self, hour: int, at: datetime) -> None:
        """Everything of one hour, counted from the first midnight; `at` is its beginning."""
        day = hour // 24
        if self.trouble.away(day):
            return
        if hour % 6 == 0:
            self.plan = self.loop.read_search_plan()
        if hour % 24 == 0 or not self.to_write:
            self.plan_day(day, at)
        self.tell_counts(at)
        self.harvest(hour)
        self.stumble(at)
        self.reply(day, at + CLAIMS_AT)

    def plan_day(self, day: int, at: datetime) -> None:
        """When today's replies are to be written: near the loop's hours, else evenly."""
        self.to_write = Counter()
        most = math.ceil(BUSIEST_HOUR * self.per_day)
        for n in range(self.per_day):
            unit = f"{self.name}/{day}/{n}"
            arm = self.loop.arm_for("posting_hour", unit, at).arm if self.asks(day) else None
            wanted = int(arm) if arm else 24 * n // self.per_day
            free = [hour for hour in range(at.hour, 24) if self.to_write[hour] < most]
            self.to_write[min(free, key=lambda hour: abs(hour - wanted), default=23)] += 1

    def asks(self, day: int) -> bool:
        """Whether the bot has met the loop."""
        return day >= self.habit_days

    def harvest(self, hour: int) -> None:
        """Read what each search of the plan may read of this hour's posts, and the timeline with the rest."""
        found = self.platform.found_in(hour)
        budget = self.rng.poisson(READS_PER_REPLY * self.per_day / 24)
        taken: set[int] = set()
        for search in self.plan:
            quota = self.rng.binomial(budget, search.budget_share)
            for post in found:
                if quota > 0 and post.number not in taken and matches(search.api_query, post):
                    taken.add(post.number)
                    self.tell_post(post, search.label)
                    quota -= 1
        rest = [post for post in found if post.number not in taken]
        for post in rest[: max(0, budget - len(taken))]:
            self.tell_post(post, TIMELINE)

    def tell_post(self, post: Post, label: str) -> None:
        """Tell of a post; in a hostile world now and then of something that is none."""
        names = [post.author.username]
        if post.text in HOSTILE_TEXTS:
            names.append(HOSTILE_NAMES[post.number % len(HOSTILE_NAMES)])
        for username in names:
            self.loop.record_opportunity(
                post.tweet_id,
                username,
                post.likes,
                post.replies,
                post.age_minutes,
                author_follower_count=post.author.followers,
                search_query=label,
                tweet_text=post.text,
                discovered_at=post.found_at,
            )
        self.pool[post.tweet_id] = post

    def reply(self, day: int, at: datetime) -> None:
        """Write this hour's replies; what finds no post is tried again the next hour."""
        wanted = self.to_write.pop(at.hour, 0)
        if self.asks(day):
            claims = self.loop.claim_next(wanted, self.name, at)
            for n, claim in enumerate(claims):
                style = claim.arms.get("format") or self.any_of(self.platform.formats)
                post = self.pool[claim.tweet_id]
                self.write(post, claim.generator, style, at + n * timedelta(seconds=5), claim.decision_id)
            answered = len(claims)
        else:
            waiting = list(self.pool.values())
            self.rng.shuffle(waiting)
            for n, post in enumerate(waiting[:wanted]):
                generator, style = self.any_of(self.platform.generators), self.any_of(self.platform.formats)
                self.write(
                    post,
                    generator,
                    style,
                    at + n * timedelta(seconds=5),
                    f"{self.name}/habit/{post.tweet_id}",
                )
            answered = min(wanted, len(waiting))
        if at.hour < 23:
            self.to_write[at.hour + 1] += wanted - answered
        old = at - timedelta(hours=24)
        self.pool = {post.tweet_id: post for post in self.pool.values() if post.found_at > old}

    def any_of(self, names: list[str]) -> str:
        """One of them, by chance."""
        return names[self.rng.integers(len(names))]

    def write(self, post: Post, generator: str, style: str, at: datetime, decision: str) -> None:
        """Reply, tell of it, and note when to look at it."""
        made = self.platform.reply(post, generator, style, at)
        self.pool.pop(post.tweet_id, None)
        self.loop.record_reply(
            decision, made, at, content=f"@{post.author.username} On {post.topic}: the evidence in one line",
            target_tweet_id=post.tweet_id, target_username=post.author.username, generator_name=generator,
            format=style,
        )  # fmt: skip
        for age in LOOKS_AT_HOURS:
            looked_at = at + (age + 1) * HOUR
            looked_at = looked_at.replace(minute=0, second=0, microsecond=0)
            if self.rng.random() < self.trouble.missing:
                continue
            late = self.rng.random() < self.trouble.late
            told_at = looked_at + (late * self.trouble.late_hours) * HOUR
            for _ in range(1 + (self.rng.random() < self.trouble.duplicated)):
                heapq.heappush(self.due, (told_at, next(self.order), made, looked_at))

    def tell_counts(self, at: datetime) -> None:
        """Tell the counts of every look that is due."""
        while self.due and self.due[0][0] <= at:
            _, _, made, looked_at = heapq.heappop(self.due)
            counts = self.platform.look(made, looked_at)
            self.loop.record_metrics(
                made, looked_at, followers_gained=counts.followers, likes=counts.likes,
                impressions=counts.impressions, profile_clicks=counts.visits,
            )  # fmt: skip

    def stumble(self, at: datetime) -> None:
        """Errors as they come."""
        for _ in range(self.rng.poisson(self.trouble.errors_per_day / 24)):
            component, message, severity = ERRORS[self.rng.integers(len(ERRORS))]
            text = message.format(n=self.rng.integers(1_000_000))
            self.loop.record_error(component, text, severity, {"at": at}, f"{self.name}/{next(self.order)}")
