"""The seed's priorities and thresholds; shares of the effort; queries that X takes, whatever it is given."""

import math
import re
from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from replyloop_assets.learning import search
from replyloop_assets.learning.queries import SearchSettings, topic_problem
from replyloop_assets.learning.search import TIER_MIN_LIKES, short

SEED = SearchSettings()
COLUMNS = list(search.Query._fields)
Account = tuple[object, float, int] | tuple[object, float, int, float]  # the last: what is believed
Tier = tuple[str, float, float, float | None]
KNOWN: list[Tier] = [
    ("50K-100K", 6.1, 1.0, 0.70),
    ("100K+", 5.0, 0.9, 0.20),
    ("5K-10K", 4.0, 0.8, 0.05),
    ("10K-25K", 3.0, 1.0, 0.05),
]


def plan_of(
    accounts: Sequence[Account] = (),
    tiers: Sequence[Tier] = (),
    pivot_open: bool = False,
    settings: SearchSettings = SEED,
) -> pd.DataFrame:
    known = [
        search.Account(name, average, average if believed is None else believed, n)
        for name, average, n, believed in ((*one, None)[:4] for one in accounts)
    ]
    plan = search.build_plan(known, [search.Tier(*tier) for tier in tiers], pivot_open, settings)
    return pd.DataFrame(plan, columns=COLUMNS)


def labels(plan: pd.DataFrame) -> list[str]:
    return plan["label"].tolist()


def shares(plan: pd.DataFrame) -> dict[str, float]:
    return dict(zip(plan["label"], plan["budget_share"], strict=True))


def searched_accounts(plan: pd.DataFrame, column: str = "api_query") -> list[str]:
    return [name for query in plan[column] for name in re.findall(r"from:(\S+?)[ )]", query)]


# ---- an independent reading of a query, by X's rules for operators

TOKEN = re.compile(
    r"""(?P<open>\()|(?P<close>\))|(?P<phrase>"[^"]*")|(?P<word>[^\s()"]+)|(?P<space>\ )""", re.VERBOSE
)
API = r"from:[A-Za-z0-9_]{1,15}|min_likes:\d+|-is:reply|-is:retweet|lang:[a-z]{2,3}(-[A-Za-z]{2,4})?"
WEB = r"from:[A-Za-z0-9_]{1,15}|min_faves:\d+|-filter:replies|lang:[a-z]{2,3}(-[A-Za-z]{2,4})?"


def check_query(query: str, operators: str) -> list[str]:
    """The phrases and operators of a query, after a look at its form; none may be unknown to X."""
    found, depth, end, expects_term = [], 0, 0, True
    for token in TOKEN.finditer(query):
        assert token.start() == end, query
        end = token.end()
        kind, text = token.lastgroup, token.group()
        depth += (kind == "open") - (kind == "close")
        assert depth in (0, 1), query
        if kind == "phrase":
            assert depth == 1
            assert text.strip('"').strip()
        elif kind == "word" and text == "OR":
            assert depth == 1, query
            assert not expects_term
        elif kind == "word":
            assert re.fullmatch(operators, text), (query, text)
        if kind in ("phrase", "word"):
            expects_term = text == "OR"
            found += [text] * (text != "OR")
    assert end == len(query)
    assert depth == 0
    assert not expects_term
    return found


def check_plan(plan: pd.DataFrame, settings: SearchSettings = SEED) -> None:
    """What holds for every plan."""
    assert list(plan.columns) == COLUMNS
    assert plan["position"].tolist() == list(range(1, len(plan) + 1))
    assert plan["priority"].is_monotonic_decreasing
    assert math.fsum(plan["budget_share"]) == pytest.approx(1, abs=1e-12)
    assert plan["budget_share"].between(0, 1).all()
    assert plan["is_exploration"].sum() == 1
    assert plan["label"].is_unique
    assert plan["reason"].str.endswith(".").all()
    for row in plan.itertuples():
        assert len(str(row.api_query)) <= settings.api_query_limit
        assert len(str(row.web_query)) <= len(str(row.api_query))
        api, web = check_query(str(row.api_query), API), check_query(str(row.web_query), WEB)
        terms = [term for term in api if term.startswith(("from:", '"'))]
        assert api[len(terms) :] == [
            f"min_likes:{row.min_likes}",
            "-is:reply",
            "-is:retweet",
            f"lang:{settings.lang}",
        ]
        assert web == [*terms, f"min_faves:{row.min_likes}", "-filter:replies", f"lang:{settings.lang}"]
        # X refuses a query of conjunction-required operators alone; min_likes: and from: stand alone
        assert any(term.startswith(("from:", "min_likes:", '"')) for term in api)


# ---- the seed's rules


def test_the_settings_are_the_seeds_numbers() -> None:
    assert (SEED.proven_avg_followers, SEED.proven_accounts) == (10, 20)
    assert (SEED.proven_min_likes, SEED.proven_priority) == (5_000, 10)
    assert (SEED.tier_confidence, SEED.tier_priority) == (0.7, 9)
    assert SEED.topics == ("health", "wellness", "longevity")
    assert (SEED.topic_min_likes, SEED.topic_priority) == (10_000, 7)
    assert (SEED.exploration_min_likes, SEED.exploration_priority) == (250_000, 2)
    assert (SEED.exploration_share, SEED.pivot_exploration_share) == (0.10, 0.30)
    assert SEED.lang == "en"


def test_recent_search_takes_512_characters() -> None:
    assert SEED.api_query_limit == 512


def test_the_whole_plan_as_the_seed_has_it() -> None:
    plan = plan_of([("bob", 12.0, 3), ("ann_1", 14.5, 8)], KNOWN[:1])
    check_plan(plan)
    assert plan[["label", "priority", "min_likes"]].to_numpy().tolist() == [
        ["Proven accounts", 10, 5_000],
        ["Top tier 50K-100K", 9, 50_000],
        ["Topics 10K+", 7, 10_000],
        ["Exploration 250K+", 2, 250_000],
    ]
    assert plan["web_query"].tolist() == [
        "(from:ann_1 OR from:bob) min_faves:5000 -filter:replies lang:en",
        "min_faves:50000 -filter:replies lang:en",
        '("health" OR "wellness" OR "longevity") min_faves:10000 -filter:replies lang:en',
        "min_faves:250000 -filter:replies lang:en",
    ]
    assert plan["api_query"].tolist() == [
        "(from:ann_1 OR from:bob) min_likes:5000 -is:reply -is:retweet lang:en",
        "min_likes:50000 -is:reply -is:retweet lang:en",
        '("health" OR "wellness" OR "longevity") min_likes:10000 -is:reply -is:retweet lang:en',
        "min_likes:250000 -is:reply -is:retweet lang:en",
    ]
    assert plan["reason"].tolist() == [
        "2 accounts brought at least 10 followers per reply and are believed to, most of all ann_1: 14.50 "
        "believed, 14.50 over 8 replies.",
        "Place 1 of 1 tiers: 6.10 followers per reply, confidence 1.00, above 0.7; the allocation gives "
        "it 70%.",
        "The topics of the settings, whatever the figures say.",
        "10% of the effort explores beyond what is known.",
    ]


def test_without_any_data_there_are_topics_and_exploration() -> None:
    plan = plan_of()
    check_plan(plan)
    assert shares(plan) == {"Topics 10K+": 0.9, "Exploration 250K+": 0.1}


def test_without_topics_either_all_of_the_effort_explores() -> None:
    plan = plan_of(settings=SEED.changed(topics=()))
    check_plan(plan)
    assert shares(plan) == {"Exploration 250K+": 1}
    assert plan["reason"][0].startswith("Nothing is known yet")


@pytest.mark.parametrize(("average", "is_proven"), [(10.0, True), (9.99, False), (float("nan"), False)])
def test_an_account_is_proven_from_10_followers_per_reply(average: float, is_proven: bool) -> None:
    assert ("Proven accounts" in labels(plan_of([("ann", average, 2)]))) is is_proven


def test_the_20_best_accounts_are_searched_and_no_other() -> None:
    accounts = [(f"name{n}", 10.0 + n, 5) for n in range(30)]
    plan = plan_of(accounts)
    assert searched_accounts(plan) == [f"name{n}" for n in range(29, 9, -1)]


def test_of_equal_accounts_the_better_known_comes_first() -> None:
    assert searched_accounts(plan_of([("b", 12, 4), ("c", 12, 9), ("a", 12, 4)])) == ["c", "a", "b"]


@pytest.mark.parametrize(("confidence", "is_top"), [(0.7, False), (0.7334, True), (float("nan"), False)])
def test_a_tier_needs_a_confidence_above_70_percent(confidence: float, is_top: bool) -> None:
    """21 of 30 replies are 0.7 exactly and not yet enough, 22 are."""
    assert ("Top tier 100K+" in labels(plan_of((), [("100K+", 5, confidence, 1)]))) is is_top


def test_top_tiers_come_in_the_order_of_the_analytics_with_falling_priority() -> None:
    unsure: Tier = ("25K-50K", 9.0, 0.2, 0.1)
    plan = plan_of((), [unsure, *KNOWN])
    check_plan(plan)
    assert plan[["label", "priority", "min_likes"]].to_numpy().tolist() == [
        ["Top tier 50K-100K", 9, 50_000],
        ["Top tier 100K+", 8, 100_000],
        ["Top tier 5K-10K", 7, 5_000],
        ["Topics 10K+", 7, 10_000],
        ["Top tier 10K-25K", 6, 10_000],
        ["Exploration 250K+", 2, 250_000],
    ]
    assert plan["reason"][0].startswith("Place 2 of 5 tiers")


def test_what_has_no_lower_bound_is_no_search() -> None:
    assert labels(plan_of((), [("<5K", 9, 1, 1), ("unknown", 9, 1, 0)])) == [
        "Topics 10K+",
        "Exploration 250K+",
    ]


# ---- the effort


def test_the_effort_follows_the_priorities_and_the_allocation() -> None:
    plan = plan_of([("ann", 12, 4)], KNOWN[:2])
    total = 10 + 9 * (0.7 + 0.2) + 7
    assert shares(plan) == pytest.approx(
        {
            "Proven accounts": 0.9 * 10 / total,
            "Top tier 50K-100K": 0.9 * 9 * 0.7 / total,
            "Top tier 100K+": 0.9 * 9 * 0.2 / total,
            "Topics 10K+": 0.9 * 7 / total,
            "Exploration 250K+": 0.1,
        }
    )


def test_in_a_pivot_30_percent_explore_and_the_rest_keeps_its_proportions() -> None:
    usual, pivot = (plan_of([("ann", 12, 4)], KNOWN[:2], is_open) for is_open in (False, True))
    check_plan(pivot)
    assert usual["budget_share"].iloc[-1] == 0.10
    assert pivot["budget_share"].iloc[-1] == 0.30
    rest = pivot["budget_share"][:-1] / usual["budget_share"][:-1]
    assert rest.tolist() == pytest.approx([0.7 / 0.9] * 4)
    assert pivot["reason"].iloc[-1] == "A pivot is open: 30% of the effort explores, instead of 10%."


def test_a_tier_that_is_allocated_nothing_is_not_searched_for() -> None:
    assert "Top tier 100K+" not in labels(plan_of((), [("100K+", 9, 1, 0.0), *KNOWN[:1]]))
    assert "Top tier 100K+" not in labels(plan_of((), [("100K+", 9, 1, None), *KNOWN[:1]]))


def test_without_an_allocation_all_tiers_weigh_the_same() -> None:
    plan = plan_of((), [(name, average, sure, None) for name, average, sure, _ in KNOWN])
    check_plan(plan)
    given = plan.loc[plan["label"].str.startswith("Top tier"), "budget_share"]
    assert given.tolist() == pytest.approx([0.9 * 9 / 4 / (9 + 7)] * 4)
    assert "no allocation" in plan["reason"][0]


@given(st.floats(0.01, 0.98), st.floats(0.005, 0.01))
def test_the_more_a_tier_is_allocated_the_more_it_may_spend(share: float, more: float) -> None:
    before, after = (
        shares(plan_of([("ann", 12, 4)], [("100K+", 3, 1, given), ("5K-10K", 2, 1, 1 - given)]))
        for given in (share, share + more)
    )
    assert after["Top tier 100K+"] > before["Top tier 100K+"]
    assert after["Top tier 5K-10K"] < before["Top tier 5K-10K"]


# ---- length


def test_a_long_list_of_accounts_is_split_within_512_characters() -> None:
    names = [f"a_long_name_{n:03}" for n in range(20)]
    plan = plan_of([(name, 99.0 - n, 5) for n, name in enumerate(names)])
    check_plan(plan)
    parts = plan[plan["priority"] == 10]
    assert parts["label"].tolist() == ["Proven accounts (1/2)", "Proven accounts (2/2)"]
    assert searched_accounts(plan) == searched_accounts(plan, "web_query") == names
    first = parts["api_query"].str.count("from:").iloc[0]
    assert parts["budget_share"].iloc[0] / parts["budget_share"].sum() == pytest.approx(first / 20)
    assert len(parts["api_query"].iloc[0]) + len(f" OR from:{names[first]}") > 512  # no earlier than needed


def test_a_long_list_of_topics_is_split_too() -> None:
    topics = tuple(f"topic number {n}" for n in range(60))
    settings = SEED.changed(topics=topics)
    plan = plan_of(settings=settings)
    check_plan(plan, settings)
    found = [topic for query in plan["api_query"] for topic in re.findall(r'"([^"]*)"', query)]
    assert found == list(topics)


# ---- what is hostile

HOSTILE_NAMES: list[object] = [
    "",
    "@ann",
    "ann bob",
    "ann) OR (from:bob",
    'ann"',
    "ann OR lang:de",
    "ann\n",
    "ann\x00",
    "änn",
    "ａｎｎ",
    "a" * 16,
    "a" * 10_000,
    "-ann",
    "from:ann",
    "аnn",  # its first letter is Cyrillic
    "١٢٣",
    None,
    float("nan"),
]
HOSTILE_TOPICS = [
    'he"alth',
    '" OR from:elon OR "',
    "from:elon",
    "health min_faves:0",
    "a) OR (b",
    "health OR wellness",
    "NOT",
    "-is:reply",
    "health -wellness",
    "a\nb",
    "a\x00b",
    "a\u2028b",
    "a\u202eb",
    "a\u200bb",
    "a\\",
    "“health”",
    "",
    "   ",
    "a" * 10_000,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=repr)
def test_a_user_name_that_is_none_never_reaches_a_query(name: object) -> None:
    assert labels(plan_of([(name, 50.0, 9)])) == labels(plan_of())
    plan = plan_of([(name, 50.0, 9), *((f"good{n}", 20.0, 9) for n in range(20))])
    check_plan(plan)
    assert len(searched_accounts(plan)) == 20  # it takes nobody's place


@pytest.mark.parametrize("topic", HOSTILE_TOPICS, ids=lambda topic: repr(topic[:30]))
def test_a_topic_that_would_be_more_than_a_phrase_is_refused_by_name(topic: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        SEED.changed(topics=("health", topic))
    sentence = refusal.value.errors()[0]["msg"].removeprefix("Value error, ")
    assert re.match(r"the topic .* (cannot be searched for: .|is too long)", sentence)
    assert repr(topic[:60]) in sentence
    assert sentence.isprintable()
    assert len(sentence) < 400


@pytest.mark.parametrize(
    "topic",
    ["gut health", "C++", "#fitness", "don't panic", "R&D", "睡眠", "trick or treat", "😴 sleep", "100%"],
)
def test_a_plain_topic_is_a_phrase(topic: str) -> None:
    settings = SEED.changed(topics=(topic,))
    plan = plan_of(settings=settings)
    check_plan(plan, settings)
    assert plan["api_query"][0].startswith(f'("{topic}") ')


@pytest.mark.parametrize(
    "wrong",
    [
        {"lang": "en OR from:elon"},
        {"lang": ""},
        {"exploration_share": 1.5},
        {"pivot_exploration_share": -0.1},
        {"topic_priority": 0},
        {"exploration_min_likes": -1},
        {"proven_min_likes": 3_000_000_000},
        {"api_query_limit": 60},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        SearchSettings(**wrong)  # type: ignore[arg-type]


names = st.from_regex(r"[A-Za-z0-9_]{1,15}", fullmatch=True) | st.text(max_size=20)
accounts_of_a_window = st.lists(
    st.tuples(names, st.floats(0, 1000), st.integers(1, 500)),
    max_size=60,
    unique_by=lambda account: account[0].lower(),
)
tiers_of_a_window = st.lists(
    st.tuples(
        st.sampled_from([*TIER_MIN_LIKES, "<5K"]),
        st.floats(0, 100),
        st.floats(0, 1),
        st.none() | st.floats(0, 1),
    ),
    max_size=6,
    unique_by=lambda tier: tier[0],
)
usable_topics = st.lists(
    st.text(max_size=40).filter(lambda topic: topic_problem(topic) is None)
    | st.from_regex(r"[a-z]{1,12}( [a-z]{1,12}){0,3}", fullmatch=True),
    max_size=40,
    unique_by=str.strip,
)


@given(accounts_of_a_window, tiers_of_a_window, st.booleans(), usable_topics, st.integers(200, 600))
def test_every_plan_is_whole_and_every_query_is_one_that_x_takes(
    accounts: list[Account], tiers: list[Tier], pivot_open: bool, topics: list[str], limit: int
) -> None:
    settings = SearchSettings(topics=tuple(topics), api_query_limit=limit, proven_accounts=50)
    plan = plan_of(accounts, tiers, pivot_open, settings)
    check_plan(plan, settings)
    explored = plan.loc[plan["is_exploration"], "budget_share"].iloc[0]
    assert explored == (1 if len(plan) == 1 else 0.3 if pivot_open else 0.1)
    usable = {
        str(name).lower()
        for name, average, n in accounts
        if average >= 10 and n >= 2 and re.fullmatch(r"[A-Za-z0-9_]{1,15}", str(name))
    }
    found = searched_accounts(plan)
    assert len(found) == len(set(found)) == min(len(usable), 50)
    assert set(found) <= usable
    phrases = [phrase for query in plan["api_query"] for phrase in re.findall(r'"([^"]*)"', query)]
    assert phrases == [topic.strip() for topic in topics]


@given(st.text(max_size=60))
def test_whatever_a_topic_is_it_is_refused_or_stays_a_phrase(topic: str) -> None:
    try:
        settings = SEED.changed(topics=(topic,))
    except ValueError:
        return
    check_plan(plan_of(settings=settings), settings)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0"), (999, "999"), (1_000, "1K"), (1_500, "1.5K"), (250_000, "250K"), (1_000_000, "1M")],
)
def test_counts_as_people_say_them(count: int, said: str) -> None:
    assert short(count) == said


def test_a_lucky_account_is_not_proven_and_a_believed_one_stands_first() -> None:
    plan = plan_of(
        [("lucky", 40.0, 1, 4.0), ("sure", 12.0, 30, 11.5), ("surer", 11.0, 90, 11.9), ("few", 8.0, 2, 12.0)]
    )
    assert searched_accounts(plan) == ["surer", "sure"]
