from collections.abc import Iterator
from datetime import timedelta

import pytest

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.settings import Settings, load_settings, unknown_variables


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Settings are read anew for each test, and again by whatever follows."""
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_every_group_and_field_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_HORIZON_HOURS", "48")
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__SUCCESS_FOLLOWERS", "3")
    monkeypatch.setenv("REPLYLOOP_FEATURES__EXPERIMENTS", "false")
    settings = load_settings()
    assert settings.horizon == timedelta(hours=48)
    assert settings.allocation.success_followers == 3
    assert not settings.features.experiments


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REPLYLOOP_PIVOTS__UNITS_SHARE", "20"),
        ("REPLYLOOP_PIVOTS__LEAST_DAYS", "90"),
        ("REPLYLOOP_HEALTH__BASELINE_DAYS", "0"),
        ("REPLYLOOP_HEALTH__DESIGN_DROP", "35"),
        ("REPLYLOOP_HEALTH__FALSE_PIVOTS_PER_YEAR", "0"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_in_a_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    group, _, field = name.partition("__")
    with pytest.raises(ReplyloopError, match=f"{group} cannot be used: .*{field.lower()}"):
        load_settings()


@pytest.mark.parametrize("name", ["REPLYLOOP_HORIZON_HOUR", "REPLYLOOP_FEATURES__EXPERIMENT"])
def test_a_misspelt_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "false")
    with pytest.raises(ReplyloopError, match=f"{name} sets nothing"):
        load_settings()


def test_a_value_that_cannot_be_read_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_GRACE_HOURS", "abc")
    with pytest.raises(ReplyloopError, match="REPLYLOOP_GRACE_HOURS cannot be used"):
        load_settings()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/s3cret",
        "file:///etc/s3cret",
        "s3cret",
        "https://",
        "https://host:port-s3cret/",
        "https://host/s3cret path",
        "https://[s3cret/",
        "https://host/s3cret\u00e9",
    ],
)
def test_a_webhook_that_is_none_is_refused_without_repeating_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLYLOOP_ALERT_WEBHOOK_URL", url)
    with pytest.raises(
        ReplyloopError, match="REPLYLOOP_ALERT_WEBHOOK_URL cannot be used: it must"
    ) as refused:
        load_settings()
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/services/T0/B0/x", "http://127.0.0.1:8065/hooks/x"]
)
def test_a_webhook_is_kept_secret(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_ALERT_WEBHOOK_URL", url)
    settings = load_settings()
    assert settings.alert_webhook_url
    assert settings.alert_webhook_url.get_secret_value() == url
    assert url not in repr(settings) + settings.model_dump_json()


def test_every_documented_field_is_known() -> None:
    assert unknown_variables([f"REPLYLOOP_{name.upper()}" for name in Settings.model_fields]) == []
