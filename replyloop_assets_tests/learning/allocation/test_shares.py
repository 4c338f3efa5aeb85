"""Effort shared: the seed's 70/20/10 by Thompson draws, and the default rule by the chance to be the best."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from replyloop_assets.learning.allocation import shares as allocation
from replyloop_assets.learning.allocation.choice import ranks
from replyloop_assets.learning.allocation.families import Asked
from replyloop_assets.learning.allocation.rules.seed import ranked_shares, seeded_rng, thompson_draws
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.allocation.shares import displayed
from replyloop_assets.learning.comparison import Floats

SEED = AllocationSettings(rule="seed")
DEFAULT = AllocationSettings()
DAILY = ["dimension", "value", "metric", "day", "n", "positives", "sum_log", "sum_log2", "sum_y"]
AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
LAST = 119  # the window's last day, as the daily evidence counts them
Pivots = Sequence[tuple[datetime, datetime | None]]

draws_of_a_family = st.integers(1, 20).flatmap(
    lambda arms: arrays(float, arms, elements=st.floats(0, 1), unique=True)
)
shares_of_a_family = st.lists(st.floats(0.001, 1), min_size=1, max_size=20).map(
    lambda weights: 100 * np.array(weights) / sum(weights)
)


def evidence_of(**families: dict[str, tuple[int, int]]) -> pd.DataFrame:
    rows = [
        (family, arm, *counts)
        for family, arms in sorted(families.items())
        for arm, counts in sorted(arms.items())
    ]
    columns = ["dimension", "value", "successes", "failures"]
    frame = pd.DataFrame(rows, columns=columns).astype({"successes": int, "failures": int})
    return frame.assign(replaces=None, former_share=None, adopted_at=None)


def daily_of(rows: Sequence[object]) -> pd.DataFrame:
    """The daily sums, from rows of `DAILY` that hold a list of days and of each sum."""
    return pd.DataFrame(rows, columns=DAILY).explode(DAILY[3:], ignore_index=True)


def allocate_window(
    evidence: pd.DataFrame,
    daily: pd.DataFrame,
    pivots: Pivots,
    as_of: datetime,
    settings: AllocationSettings,
    doubt: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """A single window."""
    asked = Asked(as_of, LAST, pivots, doubt or {})
    return allocation.allocate(evidence.assign(window=0), daily, [asked], settings).drop(columns="window")


def allocate(evidence: pd.DataFrame, as_of: datetime, settings: AllocationSettings) -> pd.DataFrame:
    """Without any daily evidence, or pivot."""
    return allocate_window(evidence, daily_of([]), [], as_of, settings)


GENERATORS = {"Contrarian": (9, 31), "Coach": (2, 38), "Researcher": (20, 60), "Story": (0, 3)}
TIMING = {"2-6h": (5, 9), "24h+": (0, 4), "<2h": (11, 12)}


def test_the_settings_are_the_seeds_numbers() -> None:
    assert (SEED.first_share, SEED.second_share, SEED.exploration_share) == (70, 20, 10)
    assert SEED.success_followers == 5


@pytest.mark.parametrize(
    ("draws", "shares"),
    [
        pytest.param([0.2, 0.9, 0.5], [10, 70, 20], id="three arms"),
        pytest.param([0.1, 0.2, 0.3, 0.4], [5, 5, 20, 70], id="the rest share evenly"),
        pytest.param([0.3, 0.6], [25, 75], id="two: no rest, so exploration is over both"),
        pytest.param([0.0], [100], id="an only arm gets everything"),
    ],
)
def test_seventy_twenty_ten_by_rank(draws: list[float], shares: list[float]) -> None:
    assert ranked_shares(np.array(draws), SEED) == pytest.approx(shares)


@given(draws_of_a_family)
def test_shares_sum_to_100_follow_the_draws_and_leave_no_arm_out(draws: Floats) -> None:
    shares = ranked_shares(draws, SEED)
    assert shares.sum() == pytest.approx(100)
    assert (shares > 0).all()
    best_first = shares[np.argsort(-draws)]
    assert (np.diff(best_first) <= 0).all()
    if len(draws) > 2:
        assert best_first[:2] == pytest.approx([70, 20])
        assert best_first[2:] == pytest.approx(10 / (len(draws) - 2))


@given(draws_of_a_family, st.randoms())
def test_an_arms_share_does_not_depend_on_its_place(draws: Floats, random: Random) -> None:
    order = random.sample(range(len(draws)), len(draws))
    shares = ranked_shares(draws, SEED)
    np.testing.assert_array_equal(ranked_shares(draws[order], SEED), shares[order])


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=1, max_size=9))
def test_equal_draws_still_get_different_places(draws: list[float]) -> None:
    assert sorted(ranks(np.array(draws))) == list(range(len(draws)))


@given(draws_of_a_family.map(lambda draws: ranked_shares(draws, SEED)) | shares_of_a_family)
def test_displayed_shares_are_whole_cents_that_sum_to_exactly_100(shares: Floats) -> None:
    shown = displayed(shares)
    cents = [Decimal(repr(float(share))) for share in shown]
    assert all(share == share.quantize(Decimal("0.01")) for share in cents)
    assert sum(cents) == 100
    assert np.abs(shown - shares).max() <= 0.01 + 1e-9


@given(st.lists(st.integers(0, 10_000), max_size=19))
def test_shares_that_are_whole_cents_are_displayed_as_they_are(cuts: list[int]) -> None:
    shares = np.diff([0, *sorted(cuts), 10_000]) / 100
    np.testing.assert_array_equal(displayed(shares), shares)


def test_the_missing_cent_goes_to_the_largest_remainder() -> None:
    assert displayed(np.array([33.332, 33.339, 33.329])).tolist() == [33.33, 33.34, 33.33]


@pytest.mark.parametrize(("successes", "failures"), [(0, 0), (3, 40), (120, 17), (0, 500)])
def test_draws_come_from_beta_of_successes_and_failures_plus_one(successes: int, failures: int) -> None:
    size = 20_000
    draws = thompson_draws(
        np.full(size, float(successes)),
        np.full(size, float(failures)),
        np.random.default_rng(7),
    )
    truth = stats.beta(successes + 1, failures + 1)
    assert stats.kstest(draws, truth.cdf).pvalue > 0.001
    for neighbour in (stats.beta(successes + 2, failures + 1), stats.beta(successes + 1, failures + 3)):
        if abs(neighbour.mean() - truth.mean()) > 0.05 * truth.std():
            assert stats.kstest(draws, neighbour.cdf).pvalue < 1e-6


def test_leading_axes_are_families_drawn_side_by_side() -> None:
    successes = np.array([[3.0, 10.0, 30.0], [50.0, 1.0, 4.0]])
    failures = np.array([[30.0, 10.0, 3.0], [4.0, 60.0, 50.0]])
    many = np.broadcast_to
    shape = (5_000, 2, 3)
    draws = thompson_draws(many(successes, shape), many(failures, shape), np.random.default_rng(2))
    assert draws.shape == shape
    for place in np.ndindex(2, 3):
        truth = stats.beta(successes[place] + 1, failures[place] + 1)
        assert stats.kstest(draws[:, *place], truth.cdf).pvalue > 0.001
    shares = ranked_shares(draws, SEED)
    assert shares.shape == shape
    for at in np.ndindex(20, 2):
        np.testing.assert_array_equal(shares[at], ranked_shares(draws[at], SEED))


def test_the_better_arm_is_usually_first() -> None:
    """The share of first places is the probability that its draw is the higher one, by scipy."""
    successes, failures = np.array([8.0, 12.0]), np.array([32.0, 28.0])
    draws = thompson_draws(
        np.tile(successes, (40_000, 1)), np.tile(failures, (40_000, 1)), np.random.default_rng(3)
    )
    grid = np.linspace(0, 1, 20_001)
    worse, better = (stats.beta(s + 1, f + 1) for s, f in zip(successes, failures, strict=True))
    expected = np.trapezoid(better.pdf(grid) * worse.cdf(grid), grid)
    first = (ranks(draws)[:, 1] == 0).mean()
    assert first == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(40_000))


def test_a_stream_depends_on_its_words_and_on_nothing_else() -> None:
    np.random.default_rng(0).random(5)
    first = seeded_rng("strategy_allocation", "generator", "2026-03-01").random(4)
    again = seeded_rng("strategy_allocation", "generator", "2026-03-01").random(4)
    np.testing.assert_array_equal(first, again)
    for words in [
        ("strategy_allocation", "format", "2026-03-01"),
        ("strategy_allocation", "generator", "2026-03-02"),
        ("experiments", "generator", "2026-03-01"),
    ]:
        assert not np.isin(seeded_rng(*words).random(4), first).any()


def test_a_family_is_allocated_the_same_whatever_stands_beside_it() -> None:
    alone = allocate(evidence_of(generator=GENERATORS), AS_OF, SEED)
    both = allocate(
        evidence_of(account_size={"1M+": (1, 1)}, generator=GENERATORS, timing=TIMING), AS_OF, SEED
    )
    beside = both[both["dimension"] == "generator"].reset_index(drop=True)
    pd.testing.assert_frame_equal(beside, alone)

    mixed = both.drop(
        columns=["draw", "p_best", "expected_value", "probability", "allocation_pct", "is_exploration"]
    )
    mixed = mixed.assign(replaces=None, former_share=None, adopted_at=None).sort_values(
        "value"
    )  # families interleaved, each still sorted by name
    pd.testing.assert_frame_equal(allocate(mixed, AS_OF, SEED).sort_index(), both)


def test_another_family_with_the_same_evidence_draws_for_itself() -> None:
    shared = allocate(evidence_of(format=GENERATORS, generator=GENERATORS), AS_OF, SEED)
    draws = shared.groupby("dimension")["draw"].apply(list)
    assert not set(draws["format"]) & set(draws["generator"])


def test_the_as_of_is_the_only_seed() -> None:
    evidence = evidence_of(generator=GENERATORS, timing=TIMING)
    first = allocate(evidence, AS_OF, SEED)
    np.random.seed(12)
    pd.testing.assert_frame_equal(allocate(evidence, AS_OF, SEED), first)
    pd.testing.assert_frame_equal(allocate(evidence, pd.Timestamp(AS_OF), SEED), first)
    later = allocate(evidence, AS_OF + timedelta(days=1), SEED)
    assert not set(later["draw"]) & set(first["draw"])


def test_over_many_days_each_arm_draws_from_its_own_evidence() -> None:
    evidence = evidence_of(generator=GENERATORS)
    days = [AS_OF + timedelta(days=n) for n in range(400)]
    draws = np.array([allocate(evidence, day, SEED)["draw"] for day in days])
    for arm, (successes, failures) in enumerate(evidence[["successes", "failures"]].to_numpy()):
        truth = stats.beta(successes + 1, failures + 1)
        assert stats.kstest(draws[:, arm], truth.cdf).pvalue > 0.001


counts = st.tuples(st.integers(0, 300), st.integers(0, 300))
arms = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), counts, min_size=1, max_size=20)


@given(st.dictionaries(st.sampled_from(["format", "generator", "timing"]), arms))
def test_every_family_is_shared_out_completely(families: dict[str, dict[str, tuple[int, int]]]) -> None:
    evidence = evidence_of(**families)
    shared = allocate(evidence, AS_OF, SEED)
    kept = evidence.drop(columns=["replaces", "former_share", "adopted_at"])
    pd.testing.assert_frame_equal(shared[kept.columns], kept)
    assert shared["draw"].between(0, 1).all()
    assert (shared["probability"] - shared["allocation_pct"] / 100).abs().le(1.0001e-4).all()
    for _, family in shared.groupby("dimension"):
        assert family["probability"].sum() == pytest.approx(1)
        assert sum(Decimal(repr(percent)) for percent in family["allocation_pct"]) == 100
        best_first = family.sort_values("draw", ascending=False)
        assert best_first["is_exploration"].tolist() == [n >= 2 for n in range(len(family))]
        assert best_first["probability"].is_monotonic_decreasing


def test_no_evidence_is_no_allocation() -> None:
    nothing = allocate(evidence_of(), AS_OF, SEED)
    assert nothing.empty
    assert {"draw", "probability", "allocation_pct", "is_exploration"} <= set(nothing.columns)


def adopted(former_share: float | None, control: str, **families: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Evidence in which Story was adopted over `control`."""
    evidence = evidence_of(**families)
    story = evidence["value"] == "Story"
    evidence.loc[story, "replaces"] = control
    evidence.loc[story, "former_share"] = former_share
    evidence.loc[story, "adopted_at"] = AS_OF
    return evidence


@pytest.mark.parametrize("former_share", [None, 0.0, 0.2, 0.7, 1.0])
@pytest.mark.parametrize("arms", [GENERATORS, {"Researcher": (20, 60), "Story": (0, 3)}], ids=["four", "two"])
def test_an_adopted_treatment_takes_over_its_controls_share(
    arms: dict[str, tuple[int, int]], former_share: float | None
) -> None:
    """design.md: its share is at least the control's former share, the control keeps exploration only."""
    shared = allocate(adopted(former_share, "Researcher", generator=arms), AS_OF, SEED)
    share = dict(zip(shared["value"], shared["probability"], strict=True))
    kept = SEED.exploration_share / 100 / (len(arms) - 1)
    assert share["Researcher"] <= kept + 1e-9
    explored = SEED.exploration_share / 100
    assert share["Story"] >= min(former_share or 0, 1 - explored) - 1e-9
    assert share["Story"] <= 1 - explored + 1e-9 or not former_share
    assert sum(share.values()) == pytest.approx(1)
    assert min(share.values()) >= explored / (4 * len(arms)) - 1e-9
    assert shared["allocation_pct"].sum() == pytest.approx(100)


def test_of_two_adoptions_the_later_stands() -> None:
    """C was adopted over A, then B over C: whatever their names, B is the incumbent."""
    for later, earlier in (("B", "C"), ("C", "B")):
        evidence = evidence_of(generator=dict.fromkeys("ABC", (5, 20)))
        for name, replaced, hours in ((earlier, "A", 9), (later, earlier, 1)):
            of_name = evidence["value"] == name
            evidence.loc[of_name, ["replaces", "former_share", "adopted_at"]] = [
                replaced, 0.9, AS_OF - timedelta(hours=hours),
            ]  # fmt: skip
        shared = allocate(evidence, AS_OF, SEED).set_index("value")
        assert shared.loc[later, "probability"] == pytest.approx(0.9)
        assert not shared.loc[later, "is_exploration"]


def test_an_adopted_treatment_whose_control_is_gone_only_gains() -> None:
    shared = allocate(adopted(0.6, "Nobody", generator=GENERATORS), AS_OF, SEED).set_index("value")
    assert shared.loc["Story", "probability"] >= 0.6
    assert shared["probability"].sum() == pytest.approx(1)


def test_nobody_else_is_touched_by_an_adoption_in_another_family() -> None:
    plain = allocate(evidence_of(format=TIMING, generator=GENERATORS), AS_OF, SEED)
    after = allocate(adopted(0.6, "Researcher", format=TIMING, generator=GENERATORS), AS_OF, SEED)
    others = plain["dimension"] == "format"
    pd.testing.assert_frame_equal(after[others], plain[others])


ARMS = {"Best": 12.0, "Good": 6.0, "Poor": 2.0, "Worst": 0.5}


def days_of(
    arms: dict[str, float], metric: str = "followers_gained", replies: int = 30, days: int = 40
) -> pd.DataFrame:
    """What arms of these means brought: two in five replies any, the sizes around their mean."""
    spread = np.array([-1.0, -0.3, 0.3, 1.0])
    rows = []
    for name, mean in arms.items():
        hits = max(2 * replies // 5, 1)
        log = np.log(mean / 0.4) + np.resize(spread, hits)
        parts = [replies, hits, log.sum(), (log**2).sum(), mean * replies]
        lists = [[part] * days for part in parts]
        rows.append(("generator", name, metric, list(range(LAST + 1 - days, LAST + 1)), *lists))
    return daily_of(rows)


def share_out(
    daily: pd.DataFrame,
    pivots: list[tuple[datetime, datetime | None]] | None = None,
    settings: AllocationSettings = DEFAULT,
    arms: dict[str, float] | None = None,
) -> pd.DataFrame:
    evidence = evidence_of(generator=dict.fromkeys(ARMS if arms is None else arms, (1, 1)))
    return allocate_window(evidence, daily, pivots or [], AS_OF, settings).set_index("value")


def test_the_best_arm_gets_all_but_the_exploration_share() -> None:
    shared = share_out(days_of(ARMS))
    assert shared.loc["Best", "probability"] == pytest.approx(0.9)
    assert shared["probability"].sum() == pytest.approx(1, abs=1e-12)
    assert (shared["probability"] >= 0.1 / 16 - 1e-11).all()
    assert shared.loc["Best", "p_best"] > 0.95
    assert shared["p_best"].sum() == pytest.approx(1)
    assert shared["draw"].isna().all()
    assert shared["is_exploration"].tolist() == [False, True, True, True]
    # the runner-up gets what is explored beyond need
    assert shared["probability"].drop("Best").idxmax() == "Good"
    assert shared["expected_value"].is_monotonic_decreasing


def test_without_evidence_all_arms_are_alike() -> None:
    shared = share_out(days_of({}))
    assert shared["probability"].tolist() == pytest.approx([0.25] * 4)


@pytest.mark.parametrize(
    ("opened", "closed", "explored"),
    [
        pytest.param(3, None, 0.3, id="open"),
        pytest.param(30, None, 0.3, id="long open"),
        pytest.param(30, 20, 0.1, id="over"),
    ],
)
def test_a_pivot_explores_three_tenths(opened: int, closed: int | None, explored: float) -> None:
    at, ended = (None if age is None else AS_OF - timedelta(days=age) for age in (opened, closed))
    assert at is not None
    shared = share_out(days_of(ARMS), [(at, ended)])
    assert 1 - shared["probability"].max() == pytest.approx(explored, abs=1e-6)


def test_the_seed_s_rule_explores_three_tenths_in_a_pivot_too() -> None:
    """By rank 70, 20, 10 become 54.4, 15.6, 30: the first two share what exploration leaves as ever."""
    draws = np.array([0.4, 0.3, 0.2, 0.1])
    assert ranked_shares(draws, SEED) == pytest.approx([70, 20, 5, 5])
    assert ranked_shares(draws, SEED, 30) == pytest.approx([490 / 9, 140 / 9, 15, 15])
    evidence = evidence_of(generator=dict.fromkeys(ARMS, (5, 5)))
    shared = allocate_window(evidence, days_of({}), [(AS_OF - timedelta(days=1), None)], AS_OF, SEED)
    assert shared["allocation_pct"].max() == pytest.approx(54.44)
    assert shared["allocation_pct"].sum() == pytest.approx(100)


def test_a_pivot_after_the_as_of_is_not_known() -> None:
    shared = share_out(days_of(ARMS), [(AS_OF + timedelta(days=1), None)])
    assert shared["probability"].max() == pytest.approx(0.9)


def test_an_adopted_treatment_is_incumbent_by_the_default_rule_too() -> None:
    evidence = evidence_of(generator=dict.fromkeys(ARMS, (1, 1)))
    evidence.loc[evidence["value"] == "Poor", ["replaces", "former_share", "adopted_at"]] = [
        "Best",
        0.7,
        AS_OF,
    ]
    shared = allocate_window(evidence, days_of(ARMS), [], AS_OF, DEFAULT).set_index("value")
    assert shared.loc["Poor", "probability"] >= 0.7
    assert shared.loc["Best", "probability"] <= 0.1 / 3 + 1e-12
    assert shared["probability"].sum() == pytest.approx(1)


def test_value_is_what_its_weights_say() -> None:
    followers, visits = (
        days_of(ARMS),
        days_of(dict(zip(ARMS, (1.0, 1.0, 1.0, 200.0), strict=True)), "profile_clicks"),
    )
    both = pd.concat([followers, visits], ignore_index=True)
    weighed = AllocationSettings(visits_weight=1.0)
    assert share_out(followers)["probability"].idxmax() == "Best"
    assert share_out(both, settings=weighed)["probability"].idxmax() == "Worst"


def test_visits_stand_in_for_followers_that_hardly_come() -> None:
    """One visit in a hundred converts: follows alone cannot tell the arms apart, their visits can."""
    visits = dict(zip(ARMS, (12.0, 6.0, 3.0, 1.0), strict=True))
    sparse = days_of(ARMS)
    sparse["positives"] = ([1] + [0] * 39) * 4
    sparse["sum_log"] = sparse["sum_log2"] = 0.0
    sparse["sum_y"] = ([1.0] + [0.0] * 39) * 4
    alone = share_out(sparse)
    shared = share_out(pd.concat([sparse, days_of(visits, "profile_clicks")], ignore_index=True))
    assert alone["probability"].max() < 0.5
    assert shared["probability"].idxmax() == "Best"
    assert shared.loc["Best", "p_best"] > 0.5
    # a visit is worth its conversion
    assert shared["expected_value"].max() < 0.2


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [({"followers_weight": 0}, "weight above 0"), ({"visits_weight": -1}, "visits_weight")],
)
def test_value_needs_a_weight(weights: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AllocationSettings(**weights)


def test_a_family_of_hundreds_stands_beside_small_ones() -> None:
    queries = {f"query {n:03d}": 1.0 + n / 50 for n in range(300)}
    many = days_of(queries, replies=10, days=20).assign(dimension="search_query")
    evidence = evidence_of(generator=dict.fromkeys(ARMS, (1, 1)), search_query=dict.fromkeys(queries, (1, 1)))
    daily = pd.concat([days_of(ARMS, days=20), many], ignore_index=True)
    shared = allocate_window(evidence, daily, [], AS_OF, DEFAULT)
    for _, family in shared.groupby("dimension"):
        assert family["probability"].sum() == pytest.approx(1)
        assert family["probability"].max() <= 0.9 + 1e-12
    beside = shared[shared["dimension"] == "generator"]
    alone = share_out(days_of(ARMS, days=20))
    assert beside["probability"].tolist() == pytest.approx(alone["probability"].tolist(), abs=1e-9)


def test_many_windows_come_out_as_each_alone_to_the_bit() -> None:
    """Families of other sizes, sparse windows and pivots beside each other change nothing."""
    rng = np.random.default_rng(4)
    rows = []
    for dimension, arms in (("format", 3), ("generator", 11), ("search_query", 40)):
        for arm in range(arms):
            days = np.sort(rng.choice(140, 90, replace=False))
            n = rng.integers(1, 6, 90)
            # nothing but visits in the first weeks
            for metric, chance in (
                ("followers_gained", np.where(days < 60, 0, 0.5)),
                ("profile_clicks", 0.7),
            ):
                hits = rng.binomial(n, chance)
                logs = hits * rng.uniform(0.5, 2, 90)
                lists = [n, hits, logs, logs**2 / np.maximum(hits, 1) + 0.5 * hits, 3 * hits]
                rows.append((dimension, f"{arm:02d}", metric, *(list(one) for one in (days, *lists))))
    daily = daily_of(rows)
    evidence = pd.concat(
        [
            evidence_of(
                **{
                    name: {f"{arm:02d}": (1, 1) for arm in range(arms - window % 3)}
                    for name, arms in (("format", 3), ("generator", 11), ("search_query", 40))
                }
            ).assign(window=window)
            for window in range(12)
        ],
        ignore_index=True,
    )
    asked = [
        Asked(
            AS_OF + timedelta(days=window), LAST - 60 + 7 * window, [(AS_OF + timedelta(days=5), None)],
            {"format": 0.4},
        )
        for window in range(12)
    ]  # fmt: skip
    together = allocation.allocate(evidence, daily, asked, DEFAULT)
    for window, one in enumerate(asked):
        rows_of = evidence[evidence["window"] == window].assign(window=0).reset_index(drop=True)
        alone = allocation.allocate(rows_of, daily, [one], DEFAULT).drop(columns="window")
        beside = together[together["window"] == window].drop(columns="window").reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, beside, check_exact=True)
