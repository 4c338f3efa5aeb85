"""Every environment variable, once. The numbers of a rule live with the rule, in `learning`.

A variable is `REPLYLOOP_` and the field's name; one inside a group joins the group's name with two
underscores: `REPLYLOOP_HORIZON_HOURS=48`, `REPLYLOOP_ALLOCATION__SUCCESS_FOLLOWERS=3`,
`REPLYLOOP_FEATURES__EXPERIMENTS=false`. A list is JSON: `REPLYLOOP_SEARCH__TOPICS='["sleep"]'`.
"""

import json
import os
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from replyloop_assets import clock
from replyloop_assets.errors import ReplyloopError
from replyloop_assets.learning.allocation.shares import AllocationSettings
from replyloop_assets.learning.evaluation.estimate import EvaluationSettings
from replyloop_assets.learning.experiments.looks import ExperimentSettings
from replyloop_assets.learning.generators.preferences import GeneratorSettings
from replyloop_assets.learning.health.pivoting import PivotSettings
from replyloop_assets.learning.health.windows import HealthSettings
from replyloop_assets.learning.incidents.trend import ErrorSettings
from replyloop_assets.learning.performance import PerformanceSettings
from replyloop_assets.learning.search import SearchSettings

LONGEST_NAME = 63  # bytes of a name in PostgreSQL


def default_home() -> Path:
    """The user's data folder; root's is one that the unprivileged PostgreSQL can reach too."""
    if os.geteuid() == 0:
        return Path("/var/lib/replyloop")
    return platformdirs.user_data_path("replyloop")


class Features(BaseModel):
    """One flag per component: off means not scheduled, and its live rows stay as they are."""

    generator_choice: bool = True
    allocation: bool = True
    adaptive_plan: bool = True
    experiments: bool = True
    health: bool = True
    pivots: bool = True
    feedback: bool = True
    error_analysis: bool = True


class BotSettings(BaseModel):
    """What the bot's SQL functions go by; published to the database by every command."""

    lease_minutes: int = Field(default=30, ge=1)
    opportunity_use_hours: int = Field(default=24, ge=1)
    author_cooldown_hours: int = Field(default=24, ge=0)
    # the seed's real-time feedback (Phase 4.2)
    high_followers: int = 15
    low_followers: int = 2
    low_likes: int = 5


class Settings(BaseSettings):
    """What a person may set, with what holds when they do not."""

    model_config = SettingsConfigDict(
        env_prefix="REPLYLOOP_", env_nested_delimiter="__", env_ignore_empty=True, extra="ignore"
    )

    home: Path = Field(default_factory=default_home)
    database_url: SecretStr | None = None
    dagster_url: SecretStr | None = None
    bot_schema: str = "public"
    postgres_bin: Path | None = None
    alert_webhook_url: SecretStr | None = None

    history_start: date = date(2025, 1, 1)
    horizon_hours: int = Field(default=24, ge=1, le=720)
    grace_hours: int = Field(default=24, ge=1, le=720)
    automation: bool = True

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

    @field_validator("allocation", "search", mode="before")
    @classmethod
    def read_lists(cls, group: object) -> object:
        """The lists inside a group, which the environment gives as text."""
        if not isinstance(group, dict):
            return group
        return {
            name: json.loads(value) if isinstance(value, str) and value.startswith("[") else value
            for name, value in group.items()
        }

    @field_validator("bot_schema")
    @classmethod
    def check_schema(cls, name: str) -> str:
        """Refuse what can be no schema of a bot's."""
        if not 1 <= len(name.encode()) <= LONGEST_NAME or "\0" in name:
            raise ValueError(f"a schema's name has 1 to {LONGEST_NAME} bytes")
        if name == "replyloop" or name == "information_schema" or name.startswith("pg_"):
            raise ValueError(f"{name} is no schema of a bot: name the one that holds its tables")
        return name

    @field_validator("alert_webhook_url")
    @classmethod
    def check_webhook(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what is no address of the web, without repeating it."""
        if url is not None and not is_web_address(url.get_secret_value()):
            raise ValueError("it must be one URL that begins with https:// or http://")
        return url

    @field_validator("pivots")
    @classmethod
    def check_pivots(cls, pivots: PivotSettings, known: ValidationInfo) -> PivotSettings:
        """A pivot that lasts some days at least may last them."""
        health = known.data.get("health", HealthSettings())
        if pivots.least_days > health.episode_days:
            raise ValueError(
                f"least_days is more than the {health.episode_days} days (REPLYLOOP_HEALTH__EPISODE_DAYS) "
                "after which a pivot is over"
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


def unknown_variables(names: Iterable[str]) -> list[str]:
    """The variables that begin like ours and set nothing: a switch misspelt would stay as it was."""
    known = set()
    for name, field in Settings.model_fields.items():
        known.add(name)
        group = field.annotation
        members = getattr(group, "model_fields", None) or getattr(group, "__dataclass_fields__", {})
        known |= {f"{name}__{member}" for member in members}
    return [
        name
        for name in names
        if name != clock.VARIABLE and name.removeprefix("REPLYLOOP_").lower() not in known
    ]


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        ReplyloopError: a variable has a value that cannot be read; the sentence names it.
    """
    ours = [name for name in os.environ if name.startswith("REPLYLOOP_")]
    if unknown := unknown_variables(ours):
        raise ReplyloopError(f"{unknown[0]} sets nothing: correct its name (README lists them) or unset it.")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "REPLYLOOP_" + "__".join(str(part) for part in first["loc"]).upper()
        why = first["msg"].removeprefix("Value error, ")
        raise ReplyloopError(f"{name} cannot be used: {why}. Correct or unset it.") from None
