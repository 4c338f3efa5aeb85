"""A world: who writes, what replies to them bring and why, what changes, and what goes wrong.

It is a TOML file (docs/worlds.md); every key has a default. The benches use what a dimension of arms is
made of (`outcome`, `arms`, `rhythm`, `change`), a simulated life uses all of it. Effects multiply: a
generator of 1.5 brings half again as much as one of 1. The arms of generator, format and topic are
names; those of likes, followers, age_minutes, crowd and hour are lower bounds, each up to the next.
"""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from replyloop_assets.errors import ReplyloopError

Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0, le=3)]  # a standard deviation on the log scale
Factor = Annotated[float, Field(gt=0, le=100)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Typical = Annotated[float, Field(gt=0, le=1e9)]  # a median
Amount = Annotated[float, Field(ge=0, le=1e6)]
Named = Literal["generator", "format", "topic"]
Stepped = Literal["likes", "followers", "age_minutes", "crowd", "hour"]
Dimension = Literal[Named, Stepped]


def ordered(pair: tuple[float, float]) -> tuple[float, float]:
    """A range from low to high, its upper end above 0."""
    if not pair[0] <= pair[1] or not pair[1] > 0:
        raise ValueError("write the lower end first, and an upper end above 0")
    return pair


class Part(BaseModel):
    """A table of the file: no key but these."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Outcome(Part):
    """New followers of an average reply: their mean, the chance of any, the log SD of how many."""

    mean: float = Field(default=5.0, gt=0, le=10_000)
    positive: float = Field(default=0.4, gt=0, le=1)
    sigma: float = Field(default=1.3, gt=0, le=3)


class Arms(Part):
    """The law of a dimension's arms, where the file does not give their effects.

    An arm's mean is `outcome.mean` times exp(N(0, spread^2)). Its chance of any is `outcome.positive`
    times (its mean / outcome.mean)^hits_follow times exp(N(0, hits_spread^2)), within `hits_within`.
    `walk` is the SD of a daily step of the log mean, `pull` multiplies the log mean; `sigmas`, where
    given, are the arms' own log SDs, drawn by chance.
    """

    count: int = Field(default=8, ge=2, le=200)
    spread: Spread = 0.3
    hits_follow: float = Field(default=0.5, ge=-2, le=2)
    hits_spread: Spread = 0
    hits_within: Annotated[tuple[Share, Share], AfterValidator(ordered)] = (0.05, 0.9)
    walk: Spread = 0
    pull: float = Field(default=1, ge=0, le=1)
    sigmas: tuple[Annotated[float, Field(gt=0, le=3)], ...] = ()


class Accounts(Part):
    """Who writes: how many, their followers (log-normal), and their part in what a reply brings."""

    count: Count = 150
    followers_median: Typical = 150_000
    followers_sigma: Spread = 1.3
    spread: Spread = 0.35
    interaction: Spread = 0.15  # of each account with each generator
    topics: tuple[str, ...] = Field(
        default=("health", "longevity", "sleep", "running", "focus"), min_length=1
    )


class Posts(Part):
    """What is found in a day: how many, their likes and age when found (log-normal), their crowd."""

    per_day: Count = 300
    likes_median: Typical = 15_000
    likes_sigma: Spread = 1.1
    age_minutes_median: Typical = 150
    age_sigma: Spread = 1.0
    replies_per_like: Annotated[tuple[Share, Share], AfterValidator(ordered)] = (0.003, 0.03)


class Rhythm(Part):
    """How days differ: by weekday (Monday first), by season, and by chance.

    `posts_by_hour` is when posts are found (24 weights). `shock` is the SD of a day's own log factor,
    `autocorrelation` that factor's from one day to the next; `season` the swing of a yearly wave (0.2 is
    20% up and down), `season_days` its length; `growth` multiplies the number of posts over a year.
    """

    weekdays: tuple[Factor, ...] = Field(default=(1, 1, 1, 1, 1, 1, 1), min_length=7, max_length=7)
    posts_by_hour: tuple[Amount, ...] = Field(default=(1,) * 24, min_length=24, max_length=24)
    shock: Spread = 0
    autocorrelation: float = Field(default=0, ge=0, lt=1)
    season: Share = 0
    season_days: Count = 365
    growth: Factor = 1

    @field_validator("posts_by_hour")
    @classmethod
    def check_hours(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        """Some hour has posts."""
        if not sum(weights) > 0:
            raise ValueError("some hour needs a weight above 0")
        return weights


class Signals(Part):
    """What else a reply gathers, on average: profile visits (a follow is one too), likes, impressions.

    `spread` is the log SD of each around its mean, `together` the correlation with how many follow.
    `half_ripe_hours` is when half of all has come.
    """

    visits: Amount = 8
    likes: Amount = 6
    impressions: Amount = 900
    spread: Spread = 0.8
    together: float = Field(default=0.5, ge=0, le=1)
    half_ripe_hours: float = Field(default=3, gt=0, le=24)


class Change(Part):
    """Something that happens on a day, and ends after `lasts` days where given.

    drop: everything brings `size` less (0.5: half). algorithm: the same for one `arm` of a `dimension`.
    swap: the best arm of the dimension changes places with `arm`, or by chance with one of its worse half.
    """

    day: int = Field(ge=0, le=100_000)
    kind: Literal["drop", "algorithm", "swap"]
    size: float = Field(default=0.5, ge=-10, lt=1)
    dimension: Dimension = "generator"
    arm: str | None = None
    lasts: Count | None = None

    @model_validator(mode="after")
    def check_dimension(self) -> Self:
        """An algorithm hits an arm, and only what has a name changes places."""
        if self.kind == "algorithm" and self.arm is None:
            raise ValueError("an algorithm change needs the arm that it hits")
        if self.kind == "swap" and self.dimension not in get_args(Named):
            raise ValueError(f"only the arms of {', '.join(get_args(Named))} can swap")
        return self


class Trial(Part):
    """An experiment that the operator starts on a day."""

    day: int = Field(ge=0, le=100_000)
    dimension: Literal["generator", "format"] = "generator"
    control: str
    treatment: str
    share: float = Field(default=0.1, ge=0.01, le=0.99)

    @model_validator(mode="after")
    def check_arms(self) -> Self:
        """There is something to compare."""
        if self.control == self.treatment:
            raise ValueError("control and treatment are the same")
        return self


class Outage(Part):
    """Days on which the bot does nothing; again `every` so many days after the first, or never again."""

    day: int = Field(ge=0, le=100_000)
    days: Count = 1
    every: Count | None = None

    def holds(self, day: int) -> bool:
        """Whether the bot is away on this day."""
        since = day - self.day
        if self.every and since > 0:
            since %= self.every
        return 0 <= since < self.days


class Trouble(Part):
    """What goes wrong: shares of snapshots, errors a day, days without the bot, shares of hostile text."""

    missing: Share = 0
    late: Share = 0
    late_hours: float = Field(default=30, gt=0, le=1000)
    duplicated: Share = 0
    errors_per_day: float = Field(default=0, ge=0, le=1000)
    hostile: Share = 0
    outages: tuple[Outage, ...] = ()

    def away(self, day: int) -> bool:
        """Whether the bot does nothing on this day."""
        return any(outage.holds(day) for outage in self.outages)


class World(Part):
    """The whole file."""

    about: str = ""
    outcome: Outcome = Outcome()
    arms: Arms = Arms()
    accounts: Accounts = Accounts()
    posts: Posts = Posts()
    rhythm: Rhythm = Rhythm()
    signals: Signals = Signals()
    effects: dict[Dimension, dict[str, Factor]] = {}
    change: tuple[Change, ...] = ()
    experiment: tuple[Trial, ...] = ()
    trouble: Trouble = Trouble()

    @field_validator("effects")
    @classmethod
    def check_steps(cls, effects: dict[Dimension, dict[str, float]]) -> dict[Dimension, dict[str, float]]:
        """The arms of likes, followers, age, crowd and hour are lower bounds."""
        for dimension, arms in effects.items():
            if not arms:
                raise ValueError(f"{dimension} needs an arm, or leave the table out")
            for bound in arms if dimension in get_args(Stepped) else ():
                if not (bound.isascii() and bound.isdigit() and len(bound) < 16):
                    raise ValueError(f"{dimension} takes lower bounds such as 1000, not {bound[:40]!r}")
        return effects


def shipped_worlds() -> list[str]:
    """The names of the worlds that come along."""
    folder = files("replyloop_assets.simulation") / "worlds"
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))


def load_world(name_or_file: str) -> World:
    """A shipped world by its name, else the file of that path.

    Raises:
        ReplyloopError: there is none, or a key of it cannot be; the sentence names the key.
    """
    if name_or_file in shipped_worlds():
        text = (files("replyloop_assets.simulation") / "worlds" / f"{name_or_file}.toml").read_text("utf-8")
    else:
        try:
            text = Path(name_or_file).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError, ValueError):
            raise ReplyloopError(
                f"{name_or_file} is neither a readable file nor a world: take one of "
                f"{', '.join(shipped_worlds())}, or write a file as docs/worlds.md says."
            ) from None
    try:
        return World.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ReplyloopError(f"{name_or_file} is no TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        why = "there is no such key" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise ReplyloopError(f"{name_or_file}: {key} cannot be used: {why} (docs/worlds.md).") from None
