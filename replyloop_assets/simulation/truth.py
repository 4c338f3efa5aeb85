"""What replies really bring in a world, and what the best and a random choice would have brought.

Nothing but the simulation may read this: no stage, no decision, not the bot.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.simulation.audience import Audience, Post
from replyloop_assets.simulation.outcomes import Floats, draw_followers
from replyloop_assets.simulation.rhythm import day_factors, left_by_drops, span
from replyloop_assets.simulation.world import Dimension, World

Indices = NDArray[np.intp]

GENERATORS = (
    "ResearchSynthesizer", "PersonalStory", "ContrarianTake", "DataDigest", "QuestionAsker", "PlainAdvice",
    "MythBuster", "Storyteller",
)  # fmt: skip
FORMATS = {"single": 1.0, "thread": 1.2}
STEPPED: tuple[Dimension, ...] = ("likes", "followers", "age_minutes", "crowd", "hour")
CALIBRATED_OVER = 20_000  # random replies
USUAL_DELAY = 0.5  # hours from finding a post to replying, where nobody waits for a better one


class Choice(NamedTuple):
    """Replies as they were chosen: places of post, generator and format, hours since the first midnight."""

    post: Indices
    generator: Indices
    format: Indices
    hour: Floats


class Truth:
    """The hidden effects of a world, day by day.

    `generators` and `formats` name what a bot may choose, `day_factor` is what each day does to any reply,
    `usual` the mean of log(1 + followers) of average replies.
    """

    def __init__(self, world: World, audience: Audience, seed: np.random.SeedSequence) -> None:
        of_effects, of_days, of_choice, self._luck = seed.spawn(4)
        self.world, self.audience = world, audience
        self._random = np.random.default_rng(of_choice)
        rng = np.random.default_rng(of_effects)
        effects = {dimension: dict(arms) for dimension, arms in world.effects.items()}
        if "generator" not in effects:
            names = [*GENERATORS, *(f"Generator{n}" for n in range(len(GENERATORS), world.arms.count))]
            drawn = np.exp(rng.normal(0, world.arms.spread, world.arms.count))
            effects["generator"] = dict(zip(names, drawn.tolist(), strict=False))
        effects.setdefault("format", FORMATS)
        effects["topic"] = dict.fromkeys(world.accounts.topics, 1.0) | effects.get("topic", {})
        for dimension in STEPPED:
            steps = effects.get(dimension, {"0": 1.0})
            effects[dimension] = {bound: steps[bound] for bound in sorted(steps, key=int)}
        self._arms = {dimension: list(arms) for dimension, arms in effects.items()}
        self.generators, self.formats = self._arms["generator"], self._arms["format"]

        law, arms = world.accounts, len(self.generators)
        self._account = np.exp(rng.normal(0, law.spread, len(audience.accounts)))
        self._interaction = np.exp(rng.normal(0, law.interaction, (len(audience.accounts), arms)))
        self._hits = np.exp(rng.normal(0, world.arms.hits_spread, arms))
        self._sigma = rng.choice(world.arms.sigmas or (world.outcome.sigma,), arms)
        self._check_names()
        rng = np.random.default_rng(of_days)
        self._effects = {
            dimension: self._play(dimension, list(of.values()), rng) for dimension, of in effects.items()
        }
        noise = rng.standard_normal(audience.days)
        self.day_factor = day_factors(world.rhythm, noise, audience.start.weekday())
        self.day_factor = self.day_factor * left_by_drops(world.change, audience.days)
        self._see(audience)
        self._calibrate()

    def _play(self, dimension: Dimension, start: list[float], rng: np.random.Generator) -> Floats:
        """The effect of each arm on each day, shape (days, arms), with all that changes."""
        days, law = self.audience.days, self.world.arms
        effects = np.tile(np.log(start), (days, 1))
        if dimension == "generator" and law.walk:
            effects[1:] += rng.normal(0, law.walk, (days - 1, len(start))).cumsum(0)
        effects = np.exp(law.pull * effects) if dimension == "generator" else np.exp(effects)
        for change in self.world.change:
            if change.dimension != dimension or change.kind == "drop" or change.day >= days:
                continue
            since = span(change)
            if change.kind == "algorithm":
                effects[since, self._arms[dimension].index(str(change.arm))] *= 1 - change.size
            else:
                order = np.argsort(effects[change.day])
                worse = order[: len(order) // 2]
                other = self._arms[dimension].index(str(change.arm)) if change.arm else int(rng.choice(worse))
                pair = [order[-1], other]
                effects[since, pair] = effects[since, pair[::-1]]
        return effects

    def _check_names(self) -> None:
        """Every arm that the world's changes and experiments name is one of it."""
        named = [
            (f"change.{n}.arm", change.dimension, change.arm)
            for n, change in enumerate(self.world.change)
            if change.kind != "drop" and change.arm is not None
        ]
        for n, trial in enumerate(self.world.experiment):
            of_trial = (("control", trial.control), ("treatment", trial.treatment))
            named += [(f"experiment.{n}.{part}", trial.dimension, arm) for part, arm in of_trial]
        for key, dimension, arm in named:
            if arm not in self._arms[dimension]:
                known = ", ".join(self._arms[dimension])
                raise ReplyloopError(
                    f"{key} cannot be used: {arm} is no arm of {dimension}, which has {known}."
                )
        for n, change in enumerate(self.world.change):
            if change.kind == "swap" and len(self._arms[change.dimension]) < 2:
                raise ReplyloopError(
                    f"change.{n} cannot be used: {change.dimension} has one arm, and none to swap."
                )

    def _see(self, audience: Audience) -> None:
        """What the effects go by, of every post."""
        places = {account.username: n for n, account in enumerate(audience.accounts)}
        posts = audience.posts
        self._found = np.array([(p.found_at - audience.start) / timedelta(hours=1) for p in posts])
        self._age = np.array([p.age_minutes for p in posts], float)
        self._author = np.array([places[p.author.username] for p in posts], np.intp)
        self._topic = np.array([self._arms["topic"].index(p.topic) for p in posts], np.intp)
        self._fixed = {
            "likes": self._step("likes", np.array([p.likes for p in posts])),
            "followers": self._step("followers", np.array([p.author.followers for p in posts])),
            "crowd": self._step("crowd", np.array([p.replies for p in posts])),
        }

    def _step(self, dimension: Dimension, values: NDArray[np.generic]) -> Indices:
        bounds = np.array([int(bound) for bound in self._arms[dimension]])
        return np.maximum(np.searchsorted(bounds, values, side="right") - 1, 0)

    def _calibrate(self) -> None:
        """Random replies without any change bring `outcome.mean`, and any at all by `outcome.positive`."""
        self._scale = self._chance = 1.0
        choice = self._at_random(self._random.integers(len(self._age), size=CALIBRATED_OVER))
        relative = self.relative(choice, on_day=np.intp(0))
        self._scale = 1 / float(relative.mean())
        follow = np.power(relative * self._scale, self.world.arms.hits_follow) * self._hits[choice.generator]
        outcome, (low, high) = self.world.outcome, self.world.arms.hits_within
        for _ in range(30):
            chance = np.clip(outcome.positive * self._chance * follow, low, high)
            self._chance *= outcome.positive / float(chance.mean())
        drawn = draw_followers(
            outcome.mean, outcome.positive, outcome.sigma, self._random, (CALIBRATED_OVER,)
        )
        self.usual = float(np.log1p(drawn).mean())

    def _at_random(self, posts: Indices) -> Choice:
        """Each post answered soon, by any generator in any format."""
        return Choice(
            posts,
            self._random.integers(len(self.generators), size=len(posts)),
            self._random.integers(len(self.formats), size=len(posts)),
            self._found[posts] + USUAL_DELAY,
        )

    def choice_of(self, post: Post, generator: str, style: str | None, at: datetime) -> Choice:
        """One reply; a generator or format that the world does not know counts as its first."""
        return Choice(
            np.array([post.number]),
            np.array([self.generators.index(generator) if generator in self.generators else 0]),
            np.array([self.formats.index(style) if style in self.formats else 0]),
            np.array([(at - self.audience.start) / timedelta(hours=1)]),
        )

    def relative(self, choice: Choice, on_day: Indices | np.intp | None = None) -> Floats:
        """What replies bring in proportion to an average one, before the day's own factor; any shape."""
        post, hour = choice.post, choice.hour
        day = self.day_of(hour) if on_day is None else on_day
        author, effects = self._author[post], self._effects
        age = self._age[post] + 60 * (hour - self._found[post])
        relative = self._scale * self._account[author] * self._interaction[author, choice.generator]
        relative = (
            relative * effects["generator"][day, choice.generator] * effects["format"][day, choice.format]
        )
        relative = relative * effects["topic"][day, self._topic[post]]
        for dimension, step in self._fixed.items():
            relative = relative * effects[dimension][day, step[post]]  # type: ignore[index]
        relative = relative * effects["age_minutes"][day, self._step("age_minutes", age)]
        return np.asarray(relative * effects["hour"][day, self._step("hour", np.floor(hour % 24))])

    def day_of(self, hour: Floats) -> Indices:
        """The day of each hour, none beyond the last."""
        return np.minimum(hour // 24, self.audience.days - 1).astype(np.intp)

    def mean(self, choice: Choice) -> Floats:
        """Expected new followers."""
        return self.world.outcome.mean * self.relative(choice) * self.day_factor[self.day_of(choice.hour)]

    def draw(self, choice: Choice) -> tuple[float, float]:
        """The new followers of one reply, and its mean. Luck is the post's: the same in any other life."""
        mean = self.mean(choice)
        follow = np.power(mean / self.world.outcome.mean, self.world.arms.hits_follow)
        chance = self.world.outcome.positive * self._chance * follow * self._hits[choice.generator]
        luck = np.random.default_rng([*self._luck.generate_state(2), int(choice.post[0])])
        sigma = self._sigma[choice.generator]
        return float(draw_followers(mean, chance.clip(*self.world.arms.hits_within), sigma, luck)[0]), float(
            mean[0]
        )

    def lift(self, dimension: Dimension, control: str, treatment: str, day: int) -> float:
        """How much more an arm really brings than another on a day, as a fraction; NaN of unknown arms."""
        arms = self._arms.get(dimension, [])
        if control not in arms or treatment not in arms:
            return float("nan")
        effects = self._effects[dimension][min(day, self.audience.days - 1)]
        return float(effects[arms.index(treatment)] / effects[arms.index(control)] - 1)

    def best(self, day: int, replies: int) -> float:
        """Expected followers of a day's best replies, an author each, at their best moment of the day."""
        posts = np.flatnonzero(self.day_of(self._found) == day)
        sizes = (len(self.generators), len(self.formats), 24)
        places = np.meshgrid(posts, *(np.arange(size) for size in sizes), indexing="ij", sparse=True)
        post, generator, style, hour = places
        at = np.asarray(24 * day + hour + USUAL_DELAY, float)
        value = np.where(at >= self._found[post], self.mean(Choice(post, generator, style, at)), 0)
        of_author = np.zeros(len(self._account))
        np.maximum.at(of_author, self._author[posts], value.max((1, 2, 3), initial=0))
        return float(np.sort(of_author)[::-1][:replies].sum())

    def random(self, day: int, replies: int) -> float:
        """Expected followers of a day's replies at random, an author each."""
        posts = self._random.permutation(np.flatnonzero(self.day_of(self._found) == day))
        firsts = np.sort(np.unique(self._author[posts], return_index=True)[1])[:replies]
        return float(self.mean(self._at_random(posts[firsts])).sum())
