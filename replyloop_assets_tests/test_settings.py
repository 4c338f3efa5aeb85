import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.learning.dimensions import ALLOCATED, TESTABLE
from replyloop_assets.learning.experiments.settings import ExperimentSettings
from replyloop_assets.learning.metrics import METRICS
from replyloop_assets.settings import Settings, load_settings
from replyloop_assets.variables import variables
from replyloop_assets.warehouse.databases import publish_settings

FUNCTIONS = Path(__file__).parents[1] / "sql/functions"


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


REFUSED = {
    "WINDOW_DAYS": dict.fromkeys(
        ("PERFORMANCE", "GENERATORS", "ALLOCATION", "EVALUATION"), ("0", "-3", "1.5", "nan", "4000")
    ),
    "RULE": dict.fromkeys(("ALLOCATION", "EXPERIMENTS", "GENERATORS", "HEALTH"), ("best", "Seed")),
    "FIRST_SHARE": {"ALLOCATION": ("170", "-1", "nan", "inf", "60")},  # 60, 20 and 10 are no 100
    "SECOND_SHARE": {"ALLOCATION": ("120", "30")},
    "EXPLORATION_SHARE": {"ALLOCATION": ("150", "100", "-1"), "GENERATORS": ("1", "10"), "SEARCH": ("10",)},
    "PIVOT_EXPLORATION_SHARE": {"ALLOCATION": ("150",), "SEARCH": ("30", "-0.1")},
    "FOLLOWERS_WEIGHT": {"ALLOCATION": ("-1", "nan", "inf", "0")},  # no other has a weight
    "SUCCESS_FOLLOWERS": {"ALLOCATION": ("0",)},
    "PAUSED_AFTER_DAYS": {"ALLOCATION": ("0",)},
    "TEMPER": {"ALLOCATION": ("0",), "GENERATORS": ("-1",)},
    "DIMENSIONS": {"ALLOCATION": ('["topic"]', "topic", "account", "generator,generator", "[]", "[1]", "[")},
    "FAMILIES": {"ALLOCATION": ('["topic"]', "generator,topic")},
    "SUGGEST_DIMENSIONS": {"EXPERIMENTS": ("posting_hour", "topic")},
    "SUGGEST_FAMILIES": {"EXPERIMENTS": ('["posting_hour"]',)},
    "SIGNIFICANCE": {"EXPERIMENTS": ("5", "0", "nan")},
    "HARM_SIGNIFICANCE": {"EXPERIMENTS": ("7", "1")},
    "MIN_SAMPLES": {"EXPERIMENTS": ("0",)},
    "MIN_IMPROVEMENT_PCT": {"EXPERIMENTS": ("-20", "inf")},
    "HORIZON_DAYS": {"EXPERIMENTS": ("0",)},
    "POWER": {"EXPERIMENTS": ("80", "0")},
    "CAP_QUANTILE": {"EXPERIMENTS": ("99",), "EVALUATION": ("0",)},
    "MAX_OPEN": {"EXPERIMENTS": ("-1",)},
    "CONFIDENCE": {"EVALUATION": ("95", "1", "0.4")},
    "WIDEST": {"EVALUATION": ("1", "0", "nan")},
    "CAUTION_CONFIDENCE": {"GENERATORS": ("0.8", "40")},  # above 0.7, from which on it is used
    "USE_CONFIDENCE": {"GENERATORS": ("0.3", "70")},
    "DEFAULT_GENERATOR": {"GENERATORS": (" ",)},
    "GOOD_ROI": {"PERFORMANCE": ("40", "160")},  # of tiers from 50, 100 and 150 on
    "RECENT_DAYS": {"HEALTH": ("0", "31")},  # the historical 30 hold them
    "HISTORICAL_DAYS": {"HEALTH": ("6",)},
    "BASELINE_DAYS": {"HEALTH": ("0", "27")},
    "MIN_BASELINE_DAYS": {"HEALTH": ("91",)},
    "DESIGN_DROP": {"HEALTH": ("35",)},
    "FALSE_PIVOTS_PER_YEAR": {"HEALTH": ("0", "1.2")},  # more than false alarms
    "TREND_WEEKS": {"HEALTH": ("3",)},
    "UNITS_SHARE": {"PIVOTS": ("20",)},
    "LEAST_DAYS": {"PIVOTS": ("-1", "90")},  # 60 days end an episode
    "LOOKBACK_DAYS": {"ERRORS": ("13",)},
    "NEW_DAYS": {"ERRORS": ("0", "28")},
    "SURGE_CHANCE": {"ERRORS": ("0", "1")},
    "LANG": {"SEARCH": ("english",)},
    "API_QUERY_LIMIT": {"SEARCH": ("60",)},
    "LOW_FOLLOWERS": {"BOT": ("-1", "16")},
    "LOW_PRIORITY_FLOOR": {"BOT": ("0.96", "2", "-1")},
    "LOW_PRIORITY_STEP": {"BOT": ("2", "nan")},
    "HIGH_PRIORITY_SCORE": {"BOT": ("0.1", "95")},
    "ACCOUNT_WINDOW_DAYS": {"BOT": ("0",)},
    "STRANGER_SHARE": {"BOT": ("1", "-0.1")},
    "EXPERIMENTS": {"FEATURES": ("perhaps",)},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (f"REPLYLOOP_{group}__{name}", value)
            for name, groups in REFUSED.items()
            for group, values in groups.items()
            for value in values
        ),
        ("REPLYLOOP_HORIZON_HOURS", "0"),
        ("REPLYLOOP_GRACE_HOURS", "abc"),
        ("REPLYLOOP_HISTORY_START", "1999-01-01"),
        ("REPLYLOOP_BOT_SCHEMA", "pg_catalog"),
        ("REPLYLOOP_ALLOCATION", "seed"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ReplyloopError) as refused:
        load_settings()
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} cannot be used: ")
    assert sentence.endswith(". Correct or unset it.")
    assert sentence.isprintable()
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("ALLOCATION__DIMENSIONS", ALLOCATED),
        ("ALLOCATION__FAMILIES", ALLOCATED),
        ("EXPERIMENTS__SUGGEST_FAMILIES", TESTABLE),
    ],
)
def test_an_unknown_dimension_is_refused_with_the_known_ones(
    name: str, known: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"REPLYLOOP_{name}", '["topic"]')
    with pytest.raises(
        ReplyloopError, match=f"'topic' is no dimension .*: choose among {', '.join(known)}\\."
    ):
        load_settings()


def test_the_shares_of_the_seed_s_rule_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__EXPLORATION_SHARE", "20")
    assert load_settings().allocation.exploration_share == 20  # the default rule has no other share
    load_settings.cache_clear()
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__RULE", "seed")
    with pytest.raises(
        ReplyloopError, match=r"__EXPLORATION_SHARE cannot be used: .* add up to 110, not to 100"
    ):
        load_settings()
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__FIRST_SHARE", "60")
    assert load_settings().allocation.first_share == 60


@pytest.mark.parametrize("written", ['["generator", "format"]', "generator,format", " generator , format "])
@pytest.mark.parametrize(
    ("name", "group", "field"),
    [
        ("SEARCH__TOPICS", "search", "topics"),
        ("ALLOCATION__DIMENSIONS", "allocation", "dimensions"),
        ("ALLOCATION__FAMILIES", "allocation", "dimensions"),
        ("EXPERIMENTS__SUGGEST_DIMENSIONS", "experiments", "suggest_dimensions"),
        ("EXPERIMENTS__SUGGEST_FAMILIES", "experiments", "suggest_dimensions"),
    ],
)
def test_a_list_is_json_or_words_between_commas(
    written: str, name: str, group: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"REPLYLOOP_{name}", written)
    assert getattr(getattr(load_settings(), group), field) == ("generator", "format")


def test_one_word_is_a_list_even_where_json_would_read_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_SEARCH__TOPICS", "2026")
    assert load_settings().search.topics == ("2026",)


def test_a_whole_group_may_be_one_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_ALLOCATION", '{"families": ["format"], "window_days": 60}')
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__WINDOW_DAYS", "90")
    settings = load_settings()
    assert (settings.allocation.dimensions, settings.allocation.window_days) == (("format",), 90)


def test_a_former_name_beside_the_present_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__DIMENSIONS", "format")
    monkeypatch.setenv("REPLYLOOP_ALLOCATION__FAMILIES", "format")
    with pytest.raises(
        ReplyloopError, match="FAMILIES is the former name of REPLYLOOP_ALLOCATION__DIMENSIONS"
    ):
        load_settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("REPLYLOOP_HORIZON_HOUR", "REPLYLOOP_HORIZON_HOURS"),
        ("REPLYLOOP_FEATURES__EXPERIMENT", "REPLYLOOP_FEATURES__EXPERIMENTS"),
        ("REPLYLOOP_EXPERIMENTS__SIGNIFCANCE", "REPLYLOOP_EXPERIMENTS__SIGNIFICANCE"),
        ("replyloop_features__experiment", "REPLYLOOP_FEATURES__EXPERIMENTS"),
    ],
)
def test_a_misspelt_variable_is_named_and_the_nearest_one_suggested(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "s3cret")
    with pytest.raises(ReplyloopError, match=f"^{name} sets nothing: did you mean {meant}\\?") as refused:
        load_settings()
    assert "s3cret" not in str(refused.value)


def test_a_misspelt_name_inside_a_group_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLYLOOP_ALLOCATION", '{"windw_days": 60}')
    with pytest.raises(ReplyloopError, match=r"did you mean REPLYLOOP_ALLOCATION__WINDOW_DAYS\?"):
        load_settings()


def test_every_metric_has_its_weight() -> None:
    """Only a line of `learning/metrics.py` is needed for a new one."""
    code = """if True:
        from replyloop_assets.learning import metrics
        metrics.METRICS += (metrics.Metric("bookmarks", "bookmarks", "bookmark", "bookmarks", 0.5),)
        from replyloop_assets.settings import load_settings
        print(load_settings().allocation.weights)
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"REPLYLOOP_ALLOCATION__BOOKMARKS_WEIGHT": "0.25"},
        capture_output=True,
        text=True,
        check=True,
    )
    known = {metric.name: metric.weight for metric in METRICS}
    assert load_settings().allocation.weights == known
    assert done.stdout.strip() == str(known | {"bookmarks": 0.25})


def test_what_the_database_s_functions_ask_for_is_published_and_fails_over_to_the_default(
    engine: sa.Engine,
) -> None:
    publish_settings(engine, load_settings())
    with engine.connect() as connection:
        published = connection.execute(sa.text("SELECT settings FROM loop_settings")).scalar_one()
    assert published["topics"] == ["health", "wellness", "longevity"]
    asked = re.compile(r"coalesce\(\(?loop_setting\('(\w+)'\)[^,]*, ([^)]+)\)")
    found = {match for path in FUNCTIONS.glob("*.sql") for match in asked.findall(path.read_text())}
    names = [name for name, _ in found]
    assert len(names) == len(set(names)) > 10
    for name, fallback in found:
        assert published[name] == json.loads(
            fallback.lower() if "'" not in fallback else f'"{fallback[1:-1]}"'
        )


def test_a_changed_copy_is_checked_and_the_original_stays() -> None:
    rule = ExperimentSettings(significance=0.01)
    assert rule.changed(power=0.9) == ExperimentSettings(significance=0.01, power=0.9)
    with pytest.raises(ValueError, match="power"):
        rule.changed(power=80)
    with pytest.raises(ValueError, match="frozen"):
        rule.power = 0.9


def test_every_setting_has_a_sentence_and_every_number_a_unit_and_bounds() -> None:
    for variable in variables(Settings):
        assert str(variable.field.description).endswith("."), variable.names
        if variable.field.annotation in (int, float):
            assert variable.unit, variable.names
            assert len(variable.field.metadata) >= 2, variable.names


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
