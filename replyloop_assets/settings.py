"""Every environment variable, once. The numbers of a rule live with the rule, in `learning`.

A variable is `REPLYLOOP_` and the field's name; one inside a group joins the group's name with two
underscores: `REPLYLOOP_HORIZON_HOURS=48`, `REPLYLOOP_ALLOCATION__SUCCESS_FOLLOWERS=3`,
`REPLYLOOP_FEATURES__EXPERIMENTS=false`.
"""

import os
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import platformdirs
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.learning.allocation import AllocationSettings
from replyloop_assets.learning.experiments import ExperimentSettings
from replyloop_assets.learning.health import HealthSettings
from replyloop_assets.learning.performance import PerformanceSettings


def default_home() -> Path:
    """The user's data folder; root's is one that the unprivileged PostgreSQL can reach too."""
    if os.geteuid() == 0:
        return Path("/var/lib/replyloop")
    return platformdirs.user_data_path("replyloop")


class Features(BaseModel):
    """One flag per component: off means not scheduled, and its live rows stay as they are."""

    allocation: bool = True
    experiments: bool = True
    health: bool = True


class Settings(BaseSettings):
    """What a person may set, with what holds when they do not."""

    model_config = SettingsConfigDict(env_prefix="REPLYLOOP_", env_nested_delimiter="__", extra="ignore")

    home: Path = Field(default_factory=default_home)
    database_url: SecretStr | None = None
    dagster_url: SecretStr | None = None
    postgres_bin: Path | None = None

    history_start: date = date(2025, 1, 1)
    horizon_hours: int = Field(default=24, ge=1, le=720)
    grace_hours: int = Field(default=24, ge=1, le=720)
    automation: bool = True

    features: Features = Features()
    performance: PerformanceSettings = PerformanceSettings()
    allocation: AllocationSettings = AllocationSettings()
    experiments: ExperimentSettings = ExperimentSettings()
    health: HealthSettings = HealthSettings()

    @property
    def horizon(self) -> timedelta:
        """Age at which a reply's metrics count as its outcome."""
        return timedelta(hours=self.horizon_hours)

    @property
    def grace(self) -> timedelta:
        """How long after the horizon a snapshot may still come."""
        return timedelta(hours=self.grace_hours)


@cache
def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        ReplyloopError: a variable has a value that cannot be read; the sentence names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "REPLYLOOP_" + "__".join(str(part) for part in first["loc"]).upper()
        raise ReplyloopError(f"{name} cannot be used: {first['msg']}. Correct or unset it.") from None
