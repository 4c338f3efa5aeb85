"""Every environment variable, once. The numbers of a rule live with the rule, in `learning`.

A variable is `REPLYLOOP_` and the field's name; one inside a group joins the group's name with two
underscores: `REPLYLOOP_HORIZON_HOURS=48`, `REPLYLOOP_ALLOCATION__SUCCESS_FOLLOWERS=3`,
`REPLYLOOP_FEATURES__EXPERIMENTS=false`. A list is JSON, or words between commas:
`REPLYLOOP_SEARCH__TOPICS=sleep,gut health`. `replyloop settings` prints them all.
"""

import json
import os
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import platformdirs
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from replyloop_assets import clock
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.learning.allocation import rules as allocation_rules
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.evaluation.settings import EvaluationSettings
from replyloop_assets.learning.experiments import rules as experiment_rules
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.learning.fields import Component, Words, count, days, setting, share
from replyloop_assets.learning.generators import rules as generator_rules
from replyloop_assets.learning.generators.settings import GeneratorSettings
from replyloop_assets.learning.health import rules as health_rules
from replyloop_assets.learning.health.settings import HealthSettings, PivotSettings
from replyloop_assets.learning.incidents.settings import ErrorSettings
from replyloop_assets.learning.performance import PerformanceSettings
from replyloop_assets.learning.queries import SearchSettings
from replyloop_assets.variables import PREFIX, refusal, unknown_variable

LONGEST_NAME = 63  # bytes of a name in PostgreSQL
FIRST_DAY_OF_X = date(2006, 3, 21)
RULES = {  # the names of each component's rules
    "generators": tuple(generator_rules.RULES),
    "allocation": tuple(allocation_rules.RULES),
    "experiments": tuple(experiment_rules.RULES),
    "health": tuple(health_rules.RULES),
}


def default_home() -> Path:
    """The user's data folder; root's is one that the unprivileged PostgreSQL can reach too."""
    if os.geteuid() == 0:
        return Path("/var/lib/replyloop")
    return platformdirs.user_data_path("replyloop")


class Features(Component):
    """What is switched on: a component that is off is not scheduled, and its live rows stay as they are."""

    generator_choice: bool = setting(True, "Whether the bot is told which generator writes.")
    allocation: bool = setting(True, "Whether effort is shared anew.")
    adaptive_plan: bool = setting(True, "Whether the search plan is made anew.")
    experiments: bool = setting(True, "Whether experiments are suggested and looked at.")
    health: bool = setting(True, "Whether it is watched that replies bring what they used to.")
    pivots: bool = setting(True, "Whether a drop is answered.")
    feedback: bool = setting(True, "Whether an account's priority follows a reply's metrics at once.")
    error_analysis: bool = setting(True, "Whether errors are analysed.")


class BotSettings(Component):
    """What the bot's SQL functions go by; every command publishes it to the database."""

    lease_minutes: int = setting(
        30, "How long a claimed post waits for its reply.", "minutes", ge=1, le=10_080
    )
    opportunity_use_hours: int = setting(
        24, "How old a post may be that is claimed.", "hours", ge=1, le=8_760
    )
    author_cooldown_hours: int = setting(
        24, "How long an author rests after a reply.", "hours", ge=0, le=8_760
    )
    high_followers: int = count(
        15, "What makes a reply's account one of high priority.", "followers", least=1
    )
    low_followers: int = count(2, "Below this, and below `low_likes`, its priority sinks.", "followers")
    low_likes: int = count(5, "Below this, and below `low_followers`, its priority sinks.", "likes")
    high_priority_score: float = share(0.95, "The priority that such a reply gives.", gt=0)
    low_priority_floor: float = share(0.2, "The priority below which it does not sink.")
    low_priority_step: float = share(0.1, "By how much the priority sinks for one reply.")
    account_window_days: int = days(30, "How far back an account's average looks.")
    stranger_share: float = share(
        0.1, "The share of values in the queue that the allocation does not know.", lt=1
    )

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """What is low is not above what is high."""
        self.require_order("low_followers", "high_followers")
        self.require_order("low_priority_floor", "high_priority_score")
        return self


class Variables(EnvSettingsSource):
    """The environment, where JSON is what begins like it; the models read other text, or refuse it."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """A whole group in one variable, or lists in it."""
        if not value.lstrip().startswith("{"):
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value


class Settings(BaseSettings):
    """What a person may set, with what holds when they do not."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="ignore"
    )

    home: Path = Field(
        default_factory=default_home,
        description="Where the private server, logs and Dagster's files live; else your user data folder.",
    )
    database_url: SecretStr | None = setting(None, "Your bot's database; else the private server.")
    dagster_url: SecretStr | None = setting(None, "Dagster's storage; else `…_dagster` beside the database.")
    bot_schema: str = setting("public", "The schema of your bot's tables.")
    bot_timezone: str = setting("UTC", "The zone of your bot's instants that name none.")
    bot_names: Words = setting(
        (),
        "What is called otherwise at your bot: `tweet_metrics=post_stats` for a table, "
        "`content_metadata.posted_at=sent_on` for a column.",
    )
    bot_values: Words = setting(
        (),
        "What is written into a column of your bot's that may not be empty and that nothing is known of: "
        "`content_metadata.generation_source=real`.",
    )
    bot_posted: Words = setting(
        (),
        "Further words of your bot's column `status` for a post that is out; `posted`, `published` and their "
        "like are known.",
    )
    postgres_bin: Path | None = setting(
        None, "Programs of the private server; else the PostgreSQL that comes along, or an installed one."
    )
    alert_webhook_url: SecretStr | None = setting(
        None,
        "Where alerts are sent: an incoming webhook of Slack, of Mattermost, or of Discord with `/slack` at "
        "its end.",
    )

    history_start: date = setting(
        date(2025, 1, 1),
        "The first partition; older rows are loaded and reported.",
        "a day",
        ge=FIRST_DAY_OF_X,
    )
    horizon_hours: int = setting(24, "The age at which a reply is ripe.", "hours", ge=1, le=720)
    grace_hours: int = setting(24, "How long after that a snapshot may still come.", "hours", ge=1, le=720)
    batch_windows: int = count(60, "How many days of a range are computed at once.", "windows", least=1)
    batch_rows: int = count(
        30_000, "How many rows they write at once, which bounds the memory they take.", "rows", least=1
    )
    automation: bool = setting(True, "Whether schedules and sensors run.")

    features: Features = Features()
    bot: BotSettings = BotSettings()
    performance: PerformanceSettings = PerformanceSettings()
    generators: GeneratorSettings = GeneratorSettings()
    allocation: AllocationSettings = AllocationSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    search: SearchSettings = SearchSettings()
    experiments: ExperimentSettings = ExperimentSettings()
    health: HealthSettings = HealthSettings()
    errors: ErrorSettings = ErrorSettings()
    pivots: PivotSettings = PivotSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What a call gives, then the environment; nothing else."""
        return init_settings, Variables(settings_cls)

    @field_validator("bot_schema")
    @classmethod
    def check_schema(cls, name: str) -> str:
        """Refuse what can be no schema of a bot's."""
        if not 1 <= len(name.encode()) <= LONGEST_NAME or "\0" in name:
            raise ValueError(f"a schema's name has 1 to {LONGEST_NAME} bytes")
        if name == "replyloop" or name == "information_schema" or name.startswith("pg_"):
            raise ValueError(f"{name} is no schema of a bot: name the one that holds its tables")
        return name

    @field_validator("bot_names", "bot_values")
    @classmethod
    def check_pairs(cls, pairs: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what gives no name to anything."""
        for pair in pairs:
            ours, _, theirs = pair.partition("=")
            if not ours or not theirs or ours.count(".") > 1:
                raise ValueError(f"{pair[:60]!r} is no pair: write it as table.column=name")
        return pairs

    @field_validator("bot_timezone")
    @classmethod
    def check_zone(cls, zone: str) -> str:
        """Refuse what is no zone."""
        if zone not in available_timezones():
            raise ValueError(f"{zone[:60]!r} is no time zone: write it as Europe/Berlin")
        return zone

    @field_validator("alert_webhook_url")
    @classmethod
    def check_webhook(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what is no address of the web, without repeating it."""
        if url is not None and not is_web_address(url.get_secret_value()):
            raise ValueError("it must be one URL that begins with https:// or http://")
        return url

    @field_validator(*RULES)
    @classmethod
    def check_rule(cls, component: Any, group: ValidationInfo) -> Any:
        """Refuse a rule that the component does not have."""
        known = RULES[str(group.field_name)]
        component.require(
            component.rule in known,
            f"{component.rule[:60]!r} is no rule: take one of {', '.join(known)}",
            "rule",
        )
        if isinstance(component, AllocationSettings):
            allocation_rules.rule_of(component).check(component)
        return component

    @field_validator("pivots")
    @classmethod
    def check_pivots(cls, pivots: PivotSettings, known: ValidationInfo) -> PivotSettings:
        """A pivot that lasts some days at least may last them."""
        health = known.data.get("health", HealthSettings())
        pivots.require(
            pivots.least_days <= health.episode_days,
            f"it is {pivots.least_days}, more than the {health.episode_days} days "
            "(REPLYLOOP_HEALTH__EPISODE_DAYS) after which a pivot is over",
            "least_days",
        )
        return pivots

    @property
    def horizon(self) -> timedelta:
        """Age at which a reply's metrics count as its outcome."""
        return timedelta(hours=self.horizon_hours)

    @property
    def grace(self) -> timedelta:
        """How long after the horizon a snapshot may still come."""
        return timedelta(hours=self.grace_hours)


def is_web_address(text: str) -> bool:
    """Whether a request can be made of it."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # quotes the text
        return False
    return usable and text.isascii() and text.isprintable() and " " not in text


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        ReplyloopError: a variable sets nothing, or has a value that cannot be used; the sentence names it.
    """
    if sentence := unknown_variable(Settings, set(os.environ) - {clock.VARIABLE}):
        raise ReplyloopError(sentence)
    try:
        return Settings()
    except ValidationError as error:
        raise ReplyloopError(refusal(Settings, error, os.environ)) from None
