"""What an allocation earns beside its peers: the same worlds, the same days, one table.

Every policy shares out a day's 50 replies before it knows what they bring, for 90 days. MABWiser and River
draw a day's arms one by one, VowpalWabbit gives probabilities; none of them keeps an exploration share or
knows the exact probability of what it drew. Needs the dependency group `bench`.
"""

import argparse
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from replyloop_assets.learning.allocation.belief import believe, fresh
from replyloop_assets.learning.allocation.hurdle import update
from replyloop_assets.learning.allocation.rules.likeliest import choose
from replyloop_assets.learning.allocation.rules.seed import ranked_shares, thompson_draws
from replyloop_assets.learning.allocation.settings import AllocationSettings
from replyloop_assets.learning.comparison import Floats
from replyloop_assets.simulation.benches.arms import draw_arms
from replyloop_assets.simulation.benches.playing import statistics
from replyloop_assets.simulation.world import load_world

WORLDS = ("stationary", "swap", "disagree", "walk")
ARMS, DAYS, PER_DAY = 8, 90, 50
SETTINGS = AllocationSettings()
UCB_SCALE = 5.0


class Policy(Protocol):
    """What every policy does: name the arms of a day's replies, then learn what they brought."""

    def play(self, mean: Floats, rng: np.random.Generator) -> np.ndarray:
        """The arms of a day; only the oracle looks at the true means."""

    def learn(self, chosen: np.ndarray, y: Floats) -> None:
        """What the day's replies brought."""


class Fixed:
    """Uniform, or the oracle."""

    def __init__(self, oracle: bool) -> None:
        self.oracle = oracle

    def play(self, mean: Floats, rng: np.random.Generator) -> np.ndarray:
        """The arms of a day."""
        return np.full(PER_DAY, mean.argmax()) if self.oracle else rng.integers(ARMS, size=PER_DAY)

    def learn(self, chosen: np.ndarray, y: Floats) -> None:
        """Nothing is learned."""


class Ours:
    """The default rule, or the seed's."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.state = fresh(np.ones(ARMS, bool))
        self.successes, self.failures = np.zeros((2, ARMS))

    def play(self, mean: Floats, rng: np.random.Generator) -> np.ndarray:
        """The arms of a day."""
        if self.rule == "seed":
            shares = ranked_shares(thompson_draws(self.successes, self.failures, rng), SETTINGS) / 100
        else:
            shares = choose(believe(self.state), SETTINGS.exploration_share / 100, SETTINGS).shares
        return rng.choice(ARMS, PER_DAY, p=shares / shares.sum())

    def learn(self, chosen: np.ndarray, y: Floats) -> None:
        """What they brought."""
        of_arm = chosen[:, None] == np.arange(ARMS)
        success = (y >= SETTINGS.success_followers)[:, None]
        self.successes, self.failures = (
            self.successes + (of_arm & success).sum(0),
            self.failures + (of_arm & ~success).sum(0),
        )
        day = statistics(y[None], of_arm[None])
        self.state = update(self.state, type(day)(*(part[0] for part in day)))


class Ucb:
    """UCB1 (Auer, Cesa-Bianchi and Fischer 2002), rewards in units of `UCB_SCALE` followers."""

    def __init__(self) -> None:
        self.n, self.total = np.zeros((2, ARMS))

    def play(self, mean: Floats, rng: np.random.Generator) -> np.ndarray:
        """The arms of a day."""
        n, chosen = self.n.copy(), np.zeros(PER_DAY, int)
        average = self.total / np.maximum(self.n, 1)
        for place in range(PER_DAY):
            bound = UCB_SCALE * np.sqrt(2 * np.log(n.sum() + 1) / np.maximum(n, 1))
            chosen[place] = np.where(n == 0, np.inf, average + bound).argmax()
            n[chosen[place]] += 1
        return chosen

    def learn(self, chosen: np.ndarray, y: Floats) -> None:
        """What they brought."""
        np.add.at(self.n, chosen, 1)
        np.add.at(self.total, chosen, y)


class MabWiser:
    """MABWiser's Thompson sampling on success, or its UCB1 on followers."""

    def __init__(self, ucb: bool) -> None:
        from mabwiser.mab import MAB, LearningPolicy

        self.ucb, self.begun = ucb, False
        policy = LearningPolicy.UCB1(alpha=UCB_SCALE) if ucb else LearningPolicy.ThompsonSampling()
        self.mab = MAB(list(range(ARMS)), policy)

    def play(self, mean: Floats, rng: np.random.Generator) -> np.ndarray:
        """The arms of a day."""
        if not self.begun:
            return rng.integers(ARMS, size=PER_DAY)
        return np.array([self.mab.predict() for _ in range(PER_DAY)])

    def learn(self, chosen: np.ndarray, y: Floats) -> None:
        """What they brought."""
        reward = y if self.ucb else (y >= SETTINGS.success_followers).astype(int)
        (self.mab.partial_fit if self.begun else self.mab.fit)(chosen, reward)
        self.begun = True


class River:
    """River's Thompson sampling over Beta rewards."""

    def __init__(self) -> None:
        from river import bandit, proba

        self.policy: Any = bandit.ThompsonSampling(reward_obj=proba.Beta(), seed=1)

    def play(self, mean: Floats, rng: np.random.Generator) -> np.ndarray:
        """The arms of a day."""
        return np.array([self.policy.pull(list(range(ARMS))) for _ in range(PER_DAY)])

    def learn(self, chosen: np.ndarray, y: Floats) -> None:
        """What they brought."""
        for arm, success in zip(chosen, y >= SETTINGS.success_followers, strict=True):
            self.policy.update(int(arm), bool(success))


class VowpalWabbit:
    """VowpalWabbit's bagging explorer of ten bootstraps; its cost is minus the success."""

    def __init__(self) -> None:
        import vowpalwabbit

        self.workspace = vowpalwabbit.Workspace(f"--cb_explore {ARMS} --bag 10 --quiet")
        self.offered = np.full(ARMS, 1 / ARMS)

    def play(self, mean: Floats, rng: np.random.Generator) -> np.ndarray:
        """The arms of a day."""
        offered = np.array(self.workspace.predict("| all"), float)
        self.offered = offered / offered.sum()
        return rng.choice(ARMS, PER_DAY, p=self.offered)

    def learn(self, chosen: np.ndarray, y: Floats) -> None:
        """What they brought."""
        for arm, success in zip(chosen, y >= SETTINGS.success_followers, strict=True):
            self.workspace.learn(f"{arm + 1}:{-int(success)}:{self.offered[arm]:.6f} | all")


POLICIES: dict[str, Callable[[], Policy]] = {
    "oracle": lambda: Fixed(oracle=True),
    "replyloop": lambda: Ours("default"),
    "UCB1, scale 5": Ucb,
    "MABWiser UCB1": lambda: MabWiser(ucb=True),
    "MABWiser Thompson": lambda: MabWiser(ucb=False),
    "River Thompson": River,
    "VowpalWabbit bag": VowpalWabbit,
    "the seed's 70/20/10": lambda: Ours("seed"),
    "uniform": lambda: Fixed(oracle=False),
}


def earns(make: Callable[[], Policy], world: str, reps: int, seed: int) -> Floats:
    """The share of the oracle's reward in each family; the same families for every policy."""
    found = np.zeros(reps)
    for rep in range(reps):
        rng = np.random.default_rng([seed, rep])
        arms = draw_arms(load_world(world), ARMS, 1, DAYS, rng)
        policy, earned = make(), 0.0
        for day in range(DAYS):
            mean = arms.mean[day, 0]
            chosen = policy.play(mean, rng)
            earned += mean[chosen].mean()
            policy.learn(chosen, arms.draw(day, chosen[None], rng)[0])
        found[rep] = earned / arms.mean[:, 0].max(-1).sum()
    return found


def main() -> None:
    """Print the table, policy by policy; a peer that is not installed is named."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reps", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    print(f"Share of the oracle's reward in %, {given.reps} families each, ± one standard error")
    print(f"{'':<22}" + "".join(f"{world:>14}" for world in WORLDS))
    for name, make in POLICIES.items():
        try:
            make()
        except ImportError as missing:
            print(f"{name:<22}  not installed: {missing.name}")
            continue
        row = ""
        for world in WORLDS:
            share = 100 * earns(make, world, given.reps, given.seed)
            row += f"{share.mean():>8.1f} ± {share.std() / given.reps**0.5:3.1f}"
        print(f"{name:<22}{row}", flush=True)


if __name__ == "__main__":
    main()
