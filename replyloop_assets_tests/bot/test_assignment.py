"""Who gets which arm: the hash, the probabilities, and a ledger whose first answer stands."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from replyloop_assets_tests.bot.calls import (
    HOSTILE,
    HOUR,
    NOW,
    allocate,
    arm_by_hash,
    arms_of,
    ask,
    everything,
    hash_of,
    key_of,
    ledger,
    normalised,
    prefer,
    publish,
    rows_of,
    run,
    start_experiment,
    texts,
)
from replyloop_assets_tests.commands import PATIENCE_S

in_one_database = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
UNITS = [f"unit {number}" for number in range(3_000)]
SHARES = {"story": 0.55, "question": 0.3, "list": 0.1, "joke": 0.05}


def p_value_of(sample: Counter[str], shares: dict[str, float]) -> float:
    """The p-value of counts against probabilities."""
    expected = normalised(shares)
    assert set(sample) <= set(expected)
    total = sum(sample.values())
    observed = [sample[name] for name in expected]
    return float(stats.chisquare(observed, [total * share for share in expected.values()]).pvalue)


# ---- the hash


@in_one_database
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=200))
@example([(name, name) for name in HOSTILE])
def test_the_hash_is_what_its_comment_says(engine: sa.Engine, pairs: list[tuple[str, str]]) -> None:
    dimensions, units = map(list, zip(*pairs, strict=True))
    query = """
        SELECT unit_hash(dimension, unit) FROM unnest(%s::TEXT[], %s::TEXT[])
        WITH ORDINALITY AS pair (dimension, unit, place) ORDER BY place
    """
    assert [row[0] for row in rows_of(engine, query, dimensions, units)] == [hash_of(*pair) for pair in pairs]


def test_the_hash_is_uniform() -> None:
    assert stats.kstest([hash_of("format", unit) for unit in UNITS], "uniform").pvalue > 1e-4


# ---- arms


@in_one_database
@given(
    st.dictionaries(texts, st.one_of(st.just(0.0), st.floats(1e-6, 1)), min_size=1, max_size=8),
    st.lists(texts, min_size=1, max_size=60, unique=True),
)
def test_any_allocation_is_followed_to_the_bit(
    engine: sa.Engine, shares: dict[str, float], units: list[str]
) -> None:
    dimension = "format"
    run(engine, "TRUNCATE decision_ledger")
    allocate(engine, dimension, shares)
    given_arms = arms_of(engine, dimension, units)
    held = ledger(engine)
    if not any(shares.values()):
        assert {row.arm for row in given_arms.values()} == {None}
        assert held == {}
        return
    exact = normalised(shares)
    for unit in units:
        row = given_arms[unit]
        assert row.arm == arm_by_hash(dimension, unit, shares)
        assert row.available == pytest.approx(exact, rel=1e-12)
        assert sum(row.available.values()) == pytest.approx(1, abs=1e-12)
        assert row.probability == row.available[row.arm]
        entry = held[dimension, key_of(unit)]
        assert (entry.arm, entry.probability, entry.available) == (row.arm, row.probability, row.available)
        assert (entry.policy_version, entry.as_of, entry.decided_at) == ("strategy_allocation", NOW, NOW)


def test_shares_are_within_sampling_error_and_the_reason_says_them(engine: sa.Engine) -> None:
    allocate(engine, "format", SHARES)
    rows = arms_of(engine, "format", UNITS)
    assert p_value_of(Counter(row.arm for row in rows.values()), SHARES) > 1e-4
    assert {row.reason for row in rows.values() if row.arm == "list"} == {"list has 10.0% of format."}


def test_the_first_answer_stands_whatever_becomes_of_the_probabilities(engine: sa.Engine) -> None:
    allocate(engine, "format", SHARES)
    units = UNITS[:200]
    first = arms_of(engine, "format", units)
    before = everything(engine)["decision_ledger"]
    for later in ({"story": 0.01, "joke": 0.99}, {"another": 1.0}, {}):
        allocate(engine, "format", later)
        again = arms_of(engine, "format", units, NOW + HOUR)
        assert {unit: tuple(row) for unit, row in again.items()} == {
            u: tuple(row) for u, row in first.items()
        }
    assert everything(engine)["decision_ledger"] == before
    assert len({row.arm for row in first.values()}) > 2


def test_no_allocation_is_no_arm_and_no_entry(engine: sa.Engine) -> None:
    (row,) = ask(engine, "arm_for", dimension="posting_hour", unit="u")
    assert (row["arm"], row["probability"]) == (None, None)
    assert row["reason"] == "No allocation of posting_hour yet: choose freely."
    assert ledger(engine) == {}


def test_what_is_no_share_is_never_drawn_and_one_named_twice_has_the_sum(engine: sa.Engine) -> None:
    shares = {"none": 0.0, "less": -1.0, "lost": float("nan"), "all": float("inf"), "some": 0.3, "more": 0.3}
    allocate(engine, "format", shares)
    run(
        engine,
        "INSERT INTO strategy_allocation (strategy_type, strategy_name, probability)"
        " VALUES ('format', 'some', 0.6), ('format', 'unknown', NULL)",
    )
    rows = arms_of(engine, "format", UNITS[:300])
    assert {row.arm for row in rows.values()} == {"some", "more"}
    assert next(iter(rows.values())).available == pytest.approx({"some": 0.75, "more": 0.25})


@pytest.mark.parametrize("missing", [None, ""])
@pytest.mark.parametrize("which", ["dimension", "unit"])
@pytest.mark.parametrize("function", ["arm_for", "generator_for", "variant_for"])
def test_what_is_not_named_cannot_be_decided(
    engine: sa.Engine, function: str, which: str, missing: str | None
) -> None:
    trial = start_experiment(engine, "generator", "a", "b")
    named = {
        "arm_for": {"dimension": "format", "unit": "u"},
        "generator_for": {"account": "somebody", "unit": "u"},
        "variant_for": {"experiment": trial, "unit": "u"},
    }[function]
    if which not in named:
        return
    with pytest.raises(sa.exc.DataError, match="A dimension and a unit are needed"):
        ask(engine, function, **(named | {which: missing}))


def test_hostile_families_units_and_arms_are_only_names(engine: sa.Engine) -> None:
    for dimension in HOSTILE:
        shares = dict.fromkeys(HOSTILE, 1.0)
        allocate(engine, dimension, shares)
        rows = arms_of(engine, dimension, HOSTILE)
        assert {unit: row.arm for unit, row in rows.items()} == {
            unit: arm_by_hash(dimension, unit, shares) for unit in HOSTILE
        }
        assert all(len(row.reason) < 400 for row in rows.values())
    assert len(ledger(engine)) == len(HOSTILE) ** 2
    digest = key_of("x" * 10_000)
    allocate(engine, "format", {"only": 1.0})
    arms_of(engine, "format", ["x" * 10_000, digest])
    assert {("format", digest), ("format", key_of(digest))} <= set(ledger(engine)), "two units, two entries"


def test_a_missing_instant_is_now(engine: sa.Engine) -> None:
    allocate(engine, "format", SHARES)
    (row,) = ask(engine, "arm_for", dimension="format", unit="u", at=None)
    assert row["arm"] == arm_by_hash("format", "u", SHARES)


# ---- variants


def variants_of(engine: sa.Engine, trial: str, units: list[str], at: Any = NOW) -> dict[str, Any]:
    query = (
        "SELECT unit, v.* FROM unnest(%s::TEXT[]) AS unit CROSS JOIN LATERAL variant_for(%s, unit, %s) AS v"
    )
    return {row.unit: row for row in rows_of(engine, query, units, trial, at)}


def test_a_variant_follows_the_experiments_shares(engine: sa.Engine) -> None:
    trial = start_experiment(engine, "search_query", "old", "new")
    rows = variants_of(engine, trial, UNITS)
    shares = {"control": 90.0, "treatment": 10.0}
    for unit, row in rows.items():
        assert row.variant == arm_by_hash(f"experiment:{trial}", unit, shares)
        assert row.strategy == {"control": "old", "treatment": "new"}[row.variant]
        assert row.probability == pytest.approx({"control": 0.9, "treatment": 0.1}[row.variant], abs=1e-12)
    assert p_value_of(Counter(row.variant for row in rows.values()), shares) > 1e-4
    assert next(r for r in rows.values() if r.variant == "treatment").reason == (
        'Treatment of "new for old", which 10.0% get.'
    )
    assigned = rows_of(
        engine, "SELECT unit, variant, probability, experiment_id::TEXT FROM experiment_assignments"
    )
    assert sorted(assigned) == sorted((u, r.variant, r.probability, trial) for u, r in rows.items())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("status = 'completed'", "The experiment is completed: it takes no new units."),
        ("status = 'suggested'", "The experiment is suggested: it takes no new units."),
        ("started_at = '2026-06-01'", "The experiment is running: it takes no new units yet."),
        ("control_allocation_pct = 0, treatment_allocation_pct = NULL", "The experiment is running: "),
    ],
)
def test_an_experiment_that_does_not_run_gives_only_what_it_gave(
    engine: sa.Engine, change: str, reason: str
) -> None:
    trial = start_experiment(engine, "format", "old", "new", 50)
    before = variants_of(engine, trial, UNITS[:20])
    run(engine, f"UPDATE experiments SET {change}")
    assert variants_of(engine, trial, UNITS[:20]) == before
    (row,) = variants_of(engine, trial, ["late"]).values()
    assert (row.variant, row.strategy, row.probability) == (None, None, None)
    assert row.reason.startswith(reason)
    assert (f"experiment:{trial}", "late") not in ledger(engine)


def test_an_unknown_experiment_is_said_to_be_none(engine: sa.Engine) -> None:
    for unknown in ("00000000-0000-4000-8000-000000000000", None):
        (row,) = ask(engine, "variant_for", experiment=unknown, unit="u")
        assert (row["variant"], row["reason"]) == (None, "There is no such experiment.")


# ---- generators


def generators_of(engine: sa.Engine, account: str | None, units: list[str], at: Any = NOW) -> dict[str, Any]:
    query = (
        "SELECT unit, g.* FROM unnest(%s::TEXT[]) AS unit CROSS JOIN LATERAL generator_for(%s, unit, %s) AS g"
    )
    return {row.unit: row for row in rows_of(engine, query, units, account, at)}


OWN = {"Storyteller": 0.8, "ResearchSynthesizer": 0.2}
ANY = {"ResearchSynthesizer": 0.6, "Contrarian": 0.4}


def test_an_account_has_its_own_distribution_and_a_stranger_that_of_all(engine: sa.Engine) -> None:
    prefer(engine, "known", OWN)
    prefer(engine, "*", ANY)
    for account, shares in (("@Known", OWN), ("stranger", ANY), (None, ANY), ("'; --" * 2_000, ANY)):
        units = [f"{account} {unit}" for unit in UNITS[:300]]
        for unit, row in generators_of(engine, account, units).items():
            assert row.generator == arm_by_hash("generator", unit, shares)
            assert row.probability == pytest.approx(shares[row.generator])
            assert (row.band, row.reason) == ("use", f"{row.generator} brought most.")
            assert (row.expected_followers, row.confidence) == (4.5, pytest.approx(0.8))
            assert (row.experiment_id, row.variant) == (None, None)
        assert len({row.generator for row in generators_of(engine, account, units).values()}) == 2


def test_without_preferences_or_with_the_flag_off_it_is_the_default(engine: sa.Engine) -> None:
    (row,) = ask(engine, "generator_for", account="a", unit="1")
    default = "No strong signal: ResearchSynthesizer is the default."
    assert (row["generator"], row["probability"], row["band"]) == ("ResearchSynthesizer", 1.0, "default")
    assert row["reason"] == default
    prefer(engine, "*", {"Storyteller": 1.0})
    publish(engine, generator_choice=False, default_generator="Plain")
    (row,) = ask(engine, "generator_for", account="a", unit="2")
    assert (row["generator"], row["probability"]) == ("Plain", 1.0)
    (row,) = ask(engine, "generator_for", account="a", unit="1")
    assert row["generator"] == "ResearchSynthesizer", "the first answer stands"
    assert row["reason"] == "ResearchSynthesizer was decided for this reply before."


def test_a_running_experiment_on_generators_comes_first_and_its_answers_outlive_it(engine: sa.Engine) -> None:
    prefer(engine, "*", ANY)
    early = generators_of(engine, "a", UNITS[:100])
    trial = start_experiment(engine, "generator", "Old", "New", 70)
    assert generators_of(engine, "a", UNITS[:100]) == early, "decided before it started"
    during = generators_of(engine, "a", UNITS[100:400])
    for unit, row in during.items():
        variant = arm_by_hash(f"experiment:{trial}", unit, {"control": 70.0, "treatment": 30.0})
        assert (row.variant, row.band, str(row.experiment_id)) == (variant, "experiment", trial)
        assert row.generator == {"control": "Old", "treatment": "New"}[variant]
        assert row.probability == pytest.approx({"Old": 0.7, "New": 0.3}[row.generator])
    held = ledger(engine)
    for unit, row in during.items():
        entry = held["generator", unit]
        assert entry.available == pytest.approx({"Old": 0.7, "New": 0.3})
        assert (entry.arm, entry.probability) == (row.generator, row.probability)
    run(engine, "UPDATE experiments SET status = 'completed', decision = 'adopt'")
    assert generators_of(engine, "a", UNITS[100:400]) == during
    assert {row.band for row in generators_of(engine, "a", UNITS[400:500]).values()} == {"use"}


def test_experiments_share_the_units_and_the_probability_is_over_all_of_them(engine: sa.Engine) -> None:
    trials = {
        start_experiment(engine, "generator", "Old", "New", 50): {"Old": 0.5, "New": 0.5},
        start_experiment(engine, "generator", "Old", "Newer", 80): {"Old": 0.8, "Newer": 0.2},
    }
    start_experiment(engine, "generator", "x", "y", 50, status="suggested")
    of_format = start_experiment(engine, "format", "x", "y", 50)
    running = sorted([*trials, of_format])
    rows = generators_of(engine, "a", UNITS)
    taken = {unit: running[int(hash_of("experiments", unit) * 3)] for unit in UNITS}
    for unit, row in rows.items():
        if taken[unit] == of_format:  # that unit's part is the format's
            assert (row.experiment_id, row.generator) == (None, "ResearchSynthesizer")
        else:
            assert str(row.experiment_id) == taken[unit]
            assert row.generator in trials[taken[unit]]
    overall = {"Old": 0.65, "New": 0.25, "Newer": 0.1}
    held = ledger(engine)
    entries = [held["generator", unit] for unit in UNITS if taken[unit] != of_format]
    rows = {unit: rows[unit] for unit in UNITS if taken[unit] != of_format}
    assert p_value_of(Counter(taken.values()), dict.fromkeys(running, 1 / 3)) > 1e-4
    assert all(entry.available == pytest.approx(overall) for entry in entries)
    assert all(entry.probability == pytest.approx(overall[entry.arm]) for entry in entries)
    assert p_value_of(Counter(row.generator for row in rows.values()), overall) > 1e-4


def test_an_experiment_may_take_but_a_part_of_its_units(engine: sa.Engine) -> None:
    """A pivot's takes a fifth of them; the others are left to the account's distribution."""
    prefer(engine, "*", ANY)
    start_experiment(engine, "generator", "Old", "New", 50, units_share=0.2)
    rows = generators_of(engine, "a", UNITS)
    for unit, row in rows.items():
        assert (row.experiment_id is not None) == (hash_of("experiments", unit) < 0.2), unit
        assert row.generator in (("Old", "New") if row.experiment_id else ANY)
    taken = Counter("in" if row.experiment_id else "out" for row in rows.values())
    assert p_value_of(taken, {"in": 0.2, "out": 0.8}) > 1e-4
    held = ledger(engine)
    for unit, row in rows.items():
        shares = {"Old": 0.5, "New": 0.5} if row.experiment_id else held["generator", unit].available
        assert held["generator", unit].available == pytest.approx(shares)
        assert row.probability == pytest.approx(shares[row.generator])


def test_experiments_of_unlike_parts_share_the_units_by_them(engine: sa.Engine) -> None:
    """A pivot's beside an operator's: a sixth of the units, and that is what its probabilities say."""
    shares = {
        start_experiment(engine, "generator", "Old", "New", 50, units_share=0.2): 0.2 / 1.2,
        start_experiment(engine, "generator", "Old", "Other", 50): 1 / 1.2,
    }
    rows = generators_of(engine, "a", UNITS)
    assert p_value_of(Counter(str(row.experiment_id) for row in rows.values()), shares) > 1e-4
    overall = {"Old": 0.5, "New": 0.1 / 1.2, "Other": 0.5 / 1.2}
    assert p_value_of(Counter(row.generator for row in rows.values()), overall) > 1e-4
    held = ledger(engine)
    for unit, row in rows.items():
        assert held["generator", unit].available == pytest.approx(overall)
        assert row.probability == pytest.approx(overall[row.generator])


# ---- many at once


def test_of_two_at_once_the_second_waits_and_gets_the_first_ones_answer(engine: sa.Engine) -> None:
    allocate(engine, "format", {"before": 1.0})
    with ThreadPoolExecutor(1) as pool, engine.connect() as first:
        mine = first.exec_driver_sql("SELECT arm FROM arm_for('format', 'u')").scalar_one()
        allocate(engine, "format", {"after": 1.0})
        second = pool.submit(ask, engine, "arm_for", dimension="format", unit="u")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'"
        while not rows_of(engine, waiting)[0][0]:
            pass
        first.commit()
        (row,) = second.result()
    assert (mine, row["arm"], row["available"]) == ("before", "before", {"before": 1.0})


CLIENTS = 16
MANY = 10_000
EPOCHS: list[dict[str, float]] = [
    {"story": 0.6, "question": 0.3, "list": 0.1},
    {"story": 0.2, "list": 0.3, "joke": 0.5},
]


def test_sixteen_clients_never_give_a_unit_two_answers(engine: sa.Engine) -> None:
    trial = start_experiment(engine, "search_query", "control", "treatment", 75)
    calls = {
        "format": "SELECT arm FROM arm_for('format', %s, %s)",
        "generator": "SELECT generator FROM generator_for('somebody', %s, %s)",
        f"experiment:{trial}": f"SELECT variant FROM variant_for('{trial}', %s, %s)",
    }
    dimensions = list(calls)

    def move_to(epoch: int) -> None:
        allocate(engine, "format", EPOCHS[epoch])
        prefer(engine, "*", EPOCHS[epoch])

    move_to(0)
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    start = threading.Barrier(CLIENTS)
    half_way, moved = threading.Event(), threading.Event()

    def client(number: int) -> list[tuple[str, str, str]]:
        # its own sixteenth, and another's half: in an order of its own
        units = [*range(number, MANY, CLIENTS), *range((number + 5) % CLIENTS, MANY, CLIENTS * 2)]
        random.Random(number).shuffle(units)
        answers = []
        with psycopg.connect(url, autocommit=True, options="-c synchronous_commit=off") as connection:
            start.wait()
            for place, unit in enumerate(units):
                dimension = dimensions[unit % 3]
                cursor = connection.execute(calls[dimension], (f"u{unit}", NOW))
                answers.append((dimension, f"u{unit}", cursor.fetchall()[0][0]))
                if number == 0 and place == len(units) // 2:
                    half_way.set()
                    moved.wait()  # what is its alone is asked for later, however busy the machine is
        return answers

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        futures = [pool.submit(client, number) for number in range(CLIENTS)]
        try:
            assert half_way.wait(PATIENCE_S)
            move_to(1)
        finally:
            moved.set()
        answers = [answer for future in futures for answer in future.result()]

    given_arms: dict[tuple[str, str], str] = {}
    for dimension, unit, arm in answers:
        assert given_arms.setdefault((dimension, unit), arm) == arm
    held = ledger(engine)
    assert {key: entry.arm for key, entry in held.items()} == given_arms
    assert len(held) == MANY
    per_epoch: dict[tuple[str, int], Counter[str]] = {}
    trial_shares = {"control": 0.75, "treatment": 0.25}
    for (dimension, unit), entry in held.items():
        known = [trial_shares] if dimension not in ("format", "generator") else EPOCHS
        (epoch,) = (n for n, shares in enumerate(known) if entry.available == pytest.approx(shares))
        assert entry.arm == arm_by_hash(dimension, unit, known[epoch])
        assert entry.probability == entry.available[entry.arm]
        per_epoch.setdefault((dimension, epoch), Counter())[entry.arm] += 1
    assert len(per_epoch) == 5, "both epochs were served"
    for (dimension, epoch), sample in per_epoch.items():
        shares = EPOCHS[epoch] if dimension in ("format", "generator") else trial_shares
        assert p_value_of(sample, shares) > 1e-4
    assigned = rows_of(engine, "SELECT unit FROM experiment_assignments")
    assert sorted(row.unit for row in assigned) == sorted(f"u{unit}" for unit in range(2, MANY, 3))
