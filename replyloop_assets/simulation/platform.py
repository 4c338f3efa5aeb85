"""X as a bot sees it: posts to find, replies to make, counts to read. The truth stays behind it."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from replyloop_assets.simulation.audience import Post, tweet_id
from replyloop_assets.simulation.signals import Counts, draw_counts, grown
from replyloop_assets.simulation.truth import Truth


class Reply(NamedTuple):
    """A reply that was made, with what only the world knows: its mean, and its counts once ripe."""

    tweet_id: str
    posted_at: datetime
    post: Post
    generator: str
    format: str
    mean: float
    counts: Counts


class Platform:
    """The world behind a glass."""

    def __init__(self, truth: Truth, seed: np.random.SeedSequence) -> None:
        self._truth = truth
        self._seed = seed.generate_state(2)
        self._replies: dict[str, Reply] = {}
        self.generators, self.formats = truth.generators, truth.formats

    @property
    def replies(self) -> list[Reply]:
        """All replies made, for whoever keeps the score."""
        return list(self._replies.values())

    def found_in(self, hour: int) -> list[Post]:
        """The posts that can be found from an hour on, counted from the first midnight."""
        return self._truth.audience.found_in(hour)

    def reply(self, post: Post, generator: str, style: str, at: datetime) -> str:
        """Make a reply; its id."""
        rng = np.random.default_rng([*self._seed, post.number])
        choice = self._truth.choice_of(post, generator, style, at)
        followers, mean = self._truth.draw(choice)
        world = self._truth.world
        counts = draw_counts(followers, self._truth.usual, mean / world.outcome.mean, world.signals, rng)
        made = tweet_id(at, int(rng.integers(1 << 22)))
        self._replies[made] = Reply(made, at, post, generator, style, mean, counts)
        return made

    def look(self, reply_id: str, at: datetime) -> Counts:
        """The counts of a reply at an instant."""
        reply = self._replies[reply_id]
        age = (at - reply.posted_at) / timedelta(hours=1)
        return grown(reply.counts, age, self._truth.world.signals.half_ripe_hours)
