"""The hidden truth: what it is scaled to, how it changes, and who can do how well."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.simulation.audience import HOSTILE_TEXTS, Audience, matches
from replyloop_assets.simulation.outcomes import draw_followers
from replyloop_assets.simulation.platform import Platform
from replyloop_assets.simulation.signals import draw_counts, grown
from replyloop_assets.simulation.truth import Choice, Truth
from replyloop_assets.simulation.world import Change, World, load_world

DAYS = 30
FIRST = date(2026, 1, 5)


def build(world: World, seed: int = 1, days: int = DAYS) -> tuple[Audience, Truth]:
    of_audience, of_truth = np.random.SeedSequence(seed).spawn(2)
    audience = Audience(world, FIRST, days, of_audience)
    return audience, Truth(world, audience, of_truth)


def changed(*changes: Change) -> World:
    return load_world("default").model_copy(update={"change": changes})


def replies(audience: Audience, truth: Truth, generator: int, day: int) -> Choice:
    """A day's posts, each answered half an hour after it was found."""
    posts = [post for post in audience.posts if post.found_at.date() == FIRST + timedelta(days=day)]
    number = np.array([post.number for post in posts])
    hours = np.array([(post.found_at - audience.start) / timedelta(hours=1) for post in posts])
    return Choice(number, np.full(len(posts), generator), np.zeros(len(posts), np.intp), hours + 0.5)


def test_random_replies_have_the_marginals_of_the_default_world() -> None:
    """The whole traffic of a bot without a plan: zeros .60, mean 5, SD about 17.5, .5% above 100."""
    audience, truth = build(load_world("default"), days=120)
    rng = np.random.default_rng(0)
    number = rng.integers(len(audience.posts), size=40_000)
    hours = np.array([(audience.posts[n].found_at - audience.start) / timedelta(hours=1) for n in number])
    generators = rng.integers(len(truth.generators), size=len(number))
    choice = Choice(number, generators, rng.integers(2, size=len(number)), hours + 0.5)
    y = np.array([truth.draw(Choice(*(part[n : n + 1] for part in choice)))[0] for n in range(12_000)])
    assert truth.mean(choice).mean() == pytest.approx(5, rel=0.02)
    assert y.mean() == pytest.approx(5, abs=4 * y.std() / len(y) ** 0.5)
    assert (y == 0).mean() == pytest.approx(0.6, abs=4 * (0.24 / len(y)) ** 0.5)
    assert (y > 100).mean() == pytest.approx(0.005, abs=4 * (0.005 / len(y)) ** 0.5)
    fourth = ((y - y.mean()) ** 4).mean()
    assert y.var() == pytest.approx(17.5**2, abs=4 * ((fourth - y.var() ** 2) / len(y)) ** 0.5)


def test_a_sparse_world_shows_visits_to_every_second_reply() -> None:
    audience, truth = build(load_world("sparse"))
    platform = Platform(truth, np.random.SeedSequence(2))
    rng = np.random.default_rng(2)
    for post in audience.posts[:8_000]:
        generator, style = (rng.choice(names) for names in (truth.generators, truth.formats))
        platform.reply(post, str(generator), str(style), post.found_at + timedelta(minutes=30))
    counts = [reply.counts for reply in platform.replies]
    visited = np.mean([count.visits > 0 for count in counts])
    followed = np.mean([count.followers > 0 for count in counts])
    assert followed == pytest.approx(0.018, abs=4 * (0.018 / 1_844 + 0.018 / 8_000) ** 0.5)
    # 53% of 1,844 real replies: the error of both samples
    assert visited == pytest.approx(0.53, abs=4 * (0.25 / 1_844 + 0.25 / 8_000) ** 0.5)


def test_a_drop_takes_its_part_from_every_reply_and_ends() -> None:
    world = changed(Change(day=10, kind="drop", size=0.5, lasts=5))
    _, truth = build(world)
    assert truth.day_factor[9:16].tolist() == [1, 0.5, 0.5, 0.5, 0.5, 0.5, 1]


def test_a_swap_exchanges_the_best_arm_with_the_named_one() -> None:
    audience, truth = build(changed(Change(day=10, kind="swap", arm="ContrarianTake")))
    best, other = truth.generators.index("PersonalStory"), truth.generators.index("ContrarianTake")
    assert truth.lift("generator", "ContrarianTake", "PersonalStory", 9) == pytest.approx(1.5 / 0.7 - 1)
    assert truth.lift("generator", "PersonalStory", "ContrarianTake", 10) == pytest.approx(1.5 / 0.7 - 1)
    before, after = (truth.mean(replies(audience, truth, arm, 9)).sum() for arm in (best, other))
    assert before > after
    assert truth.lift("generator", "PersonalStory", "nobody", 3) != truth.lift(
        "generator", "x", "y", 3
    )  # NaN


def test_an_algorithm_change_hits_its_arm_alone() -> None:
    world = changed(Change(day=10, kind="algorithm", dimension="likes", arm="50000", size=0.6))
    audience, truth = build(world)
    _, unchanged = build(load_world("default"))
    choice = replies(audience, truth, 0, 12)
    ratio = truth.mean(choice) / unchanged.mean(choice)
    hit = np.array([audience.posts[n].likes >= 50_000 for n in choice.post])
    assert hit.any()
    assert ratio[hit] == pytest.approx(0.4)
    assert ratio[~hit] == pytest.approx(1)


def test_a_change_of_an_unknown_arm_is_refused() -> None:
    with pytest.raises(ReplyloopError, match=r"change.0.arm cannot be used: nobody is no arm of gen"):
        build(changed(Change(day=10, kind="swap", arm="nobody")))


def test_nobody_beats_the_oracle_and_chance_lies_far_below() -> None:
    _, truth = build(load_world("default"))
    best = np.array([truth.best(day, 20) for day in range(DAYS)])
    random = np.array([truth.random(day, 20) for day in range(DAYS)])
    assert (random < best).all()
    assert random.sum() < 0.6 * best.sum()
    assert truth.best(3, 0) == truth.random(3, 0) == 0


def test_the_same_seed_is_the_same_world_and_another_another() -> None:
    world = load_world("trouble")
    first, second, other = (build(world, seed)[0].posts for seed in (1, 1, 2))
    assert first == second != other


def test_posts_are_found_hour_by_hour_and_none_is_lost() -> None:
    audience, _ = build(load_world("trouble"))
    found = [post for hour in range(24 * DAYS) for post in audience.found_in(hour)]
    assert found == audience.posts
    assert len({post.tweet_id for post in found}) == len(found)
    assert {post.text for post in found} >= set(HOSTILE_TEXTS)


def test_sizes_are_heavy_tailed() -> None:
    audience, _ = build(load_world("default"))
    likes = np.sort([post.likes for post in audience.posts])
    assert likes[-len(likes) // 10 :].sum() > 0.3 * likes.sum()


def test_a_search_gives_what_x_would() -> None:
    audience, _ = build(load_world("default"))
    post = max(audience.posts, key=lambda post: post.likes)
    name = post.author.username
    assert matches(f"(from:someone OR from:{name.upper()}) min_likes:5000 -is:reply", post)
    assert not matches("from:someone min_likes:5000", post)
    assert not matches(f"min_likes:{post.likes + 1}", post)
    assert matches(f'("{post.topic}" OR "other") min_likes:10000 -is:reply lang:en', post)
    assert not matches('("other") min_likes:10000', post)


def test_luck_is_the_posts_own_in_any_life_and_counts_only_grow() -> None:
    world = load_world("default")
    lives = []
    for _ in range(2):
        audience, truth = build(world)
        platform = Platform(truth, np.random.SeedSequence(9))
        for post in audience.posts[: 400 if lives else 200]:
            platform.reply(post, "PersonalStory", "thread", post.found_at + timedelta(minutes=10))
        lives.append(platform)
    first, second = (life.replies for life in lives)
    assert first == second[:200]
    for reply in first:
        ages = [
            lives[0].look(reply.tweet_id, reply.posted_at + timedelta(hours=h)) for h in (0, 1, 3, 9, 24, 99)
        ]
        assert ages[0] == (0, 0, 0, 0)
        assert ages[4] == ages[5] == reply.counts
        assert all(a <= b for now, later in pairwise(ages) for a, b in zip(now, later, strict=True))
        assert reply.counts.followers <= reply.counts.visits <= reply.counts.impressions
    assert grown(first[0].counts, 3, 3).impressions == pytest.approx(
        first[0].counts.impressions / 2, rel=0.02
    )


def test_what_a_reply_gathers_goes_together() -> None:
    world, rng = load_world("default"), np.random.default_rng(3)
    y = draw_followers(5, 0.4, 1.3, rng, (4_000,))
    table = np.log1p([draw_counts(one, 0.8, 1.0, world.signals, rng) for one in y])
    correlation = np.corrcoef(table.T)
    assert (correlation[0, 1:] > 0.2).all()
    assert (correlation < 0.95)[~np.eye(4, dtype=bool)].all()
