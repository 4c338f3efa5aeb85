"""Health with experiments going on: what they add or cost is neither a recovery nor a drop."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pytest

from replyloop_assets.learning.comparison import Floats, Moments
from replyloop_assets.learning.health.experiments import (
    Decided,
    beyond_former_share,
    decided_within,
    explain_experiments,
    shrunk_difference,
    without_experiments,
)
from replyloop_assets.learning.health.settings import HealthSettings
from replyloop_assets.learning.health.verdict import judge

FIRST, PER_DAY, CHANCE, SPREAD = date(2026, 1, 1), 40, 0.4, 0.3


@dataclass
class World:
    """Replies with the values A and B, day by day; of B so many times as many bring followers."""

    factor: float
    started: int
    ended: int
    share: float = 0.5
    left: float = 1.0
    fell: int = 1000
    adopted: bool = True
    former: float = 0.0
    y: list[Floats] = field(default_factory=list)
    is_b: list[Floats] = field(default_factory=list)

    def live(self, days: int) -> "World":
        rng = np.random.default_rng(3)
        for day in range(days):
            tested = self.started <= day <= self.ended
            after = self.adopted and day > self.ended
            is_b = rng.random(PER_DAY) < (1 if after else self.share if tested else self.former)
            chance = CHANCE * np.where(is_b, self.factor, 1) * (self.left if day >= self.fell else 1)
            self.y.append(np.round(rng.exponential(8, PER_DAY)) * (rng.random(PER_DAY) < chance))
            self.is_b.append(is_b.astype(float))
        return self

    def daily(self, which: int | None = None, tested: bool = False) -> Moments:
        """Moments of log(1 + y) of each day, of all or of one value, while it was tested or at any time."""
        sums = []
        for day, (y, is_b) in enumerate(zip(self.y, self.is_b, strict=True)):
            kept = np.log1p(y) if which is None else np.log1p(y[is_b == which])
            kept = kept if not tested or self.started <= day <= self.ended else kept[:0]
            sums.append((len(kept), kept.sum(), (kept**2).sum()))
        return Moments(*np.array(sums, float).T)

    def decided(self) -> Decided:
        groups = self.daily(0, tested=True), self.daily(1, tested=True), self.daily(1)
        return Decided("one", "generator", "A", "B", self.adopted, self.started, self.ended, *groups)

    def status(self, logs: Moments) -> str:
        followers = Moments(*np.array([(len(y), y.sum(), (y**2).sum()) for y in self.y], float).T)
        days = [FIRST + timedelta(days=n) for n in range(len(self.y))]
        window = (Moments(*(part[None] for part in one)) for one in (followers, logs))
        return judge([days], *window, HealthSettings(), ["followers"])[0].status

    def with_and_without(self) -> tuple[str, str]:
        """The status as it is judged, and as it would be if experiments were not thought of."""
        seen = without_experiments(self.daily(), [self.decided()], SPREAD)
        return self.status(seen), self.status(self.daily())


def test_a_rejected_treatment_is_no_drop() -> None:
    world = World(factor=0.2, started=130, ended=145, adopted=False).live(146)
    assert world.with_and_without() == ("healthy", "degraded")


def test_an_adopted_treatment_is_no_recovery() -> None:
    """Everything falls by 40%; what is adopted then brings 40% more: the drop is there still."""
    world = World(factor=1.4, started=142, ended=160, left=0.6, fell=140).live(188)
    assert world.with_and_without() == ("degraded", "healthy")


def test_an_adopted_treatment_hides_no_drop_and_makes_none() -> None:
    rise = {"factor": 2.0, "started": 120, "ended": 139}
    assert World(**rise, left=0.5, fell=150).live(170).with_and_without() == ("degraded", "healthy")  # type: ignore[arg-type]
    assert World(**rise).live(170).with_and_without() == ("healthy", "healthy")  # type: ignore[arg-type]


def test_what_is_taken_off_is_what_was_added() -> None:
    world = World(factor=2.0, started=60, ended=89, former=0.25).live(150)
    seen = without_experiments(world.daily(), [world.decided()], 10.0)  # hardly shrunk
    before, after = (seen.total[days].sum() / seen.n[days].sum() for days in (slice(60), slice(90, 150)))
    assert after == pytest.approx(before, rel=0.05)
    raw = world.daily().total
    assert raw[90:].sum() / (60 * PER_DAY) > 1.2 * before
    assert (seen.total[:60] == raw[:60]).all()
    assert seen.n.tolist() == world.daily().n.tolist()
    scatter = [part.squares - part.total**2 / part.n for part in (seen, world.daily())]
    assert scatter[0] == pytest.approx(scatter[1])


def test_the_replies_of_a_rejected_treatment_are_gone_and_no_others() -> None:
    world = World(factor=0.2, started=20, ended=29, share=1.0, adopted=False).live(40)
    seen = without_experiments(world.daily(), [world.decided()], SPREAD)
    assert [part[20:30].tolist() for part in seen] == [[0.0] * 10] * 3
    for kept, whole in zip(seen, world.daily(), strict=True):
        assert kept[:20] == pytest.approx(whole[:20])
        assert kept[30:] == pytest.approx(whole[30:])


def test_a_difference_is_believed_as_far_as_it_is_sure() -> None:
    long, short = (World(2.0, 10, ended).live(100).decided() for ended in (99, 10))
    raw = (
        long.treatment.total.sum() / long.treatment.n.sum() - long.control.total.sum() / long.control.n.sum()
    )
    assert 0.8 * raw < shrunk_difference(long, SPREAD) < raw
    assert shrunk_difference(short, SPREAD) < shrunk_difference(long, SPREAD)
    nobody = World(2.0, 10, 9).live(20).decided()
    assert shrunk_difference(nobody, SPREAD) == 0


def test_what_replaces_an_adopted_value_adds_what_that_added_too() -> None:
    first = World(2.0, started=60, ended=89).live(150)
    one = first.decided()
    again = Decided("two", "generator", "B", "C", True, 100, 110, one.control, one.treatment, one.of_value)
    other = Decided("three", "format", "B", "C", True, 100, 110, one.control, one.treatment, one.of_value)

    def lowered(*decided: Decided) -> float:
        return float((first.daily().total - without_experiments(first.daily(), decided, SPREAD).total).sum())

    alone = lowered(again)
    assert lowered(one, other) == pytest.approx(lowered(one) + alone)
    extra = shrunk_difference(one, SPREAD) * beyond_former_share(again, first.daily().n).sum()
    assert lowered(one, again) == pytest.approx(lowered(one) + alone + extra)


def test_without_an_experiment_nothing_changes() -> None:
    daily = World(1.0, 10, 20).live(30).daily()
    for kept, whole in zip(without_experiments(daily, [], SPREAD), daily, strict=True):
        assert kept == pytest.approx(whole)


def test_a_window_sees_the_decisions_of_its_own_days() -> None:
    one = World(2.0, started=20, ended=29).live(60).decided()
    again = replace(one, ended=33, adopted=False)
    (seen,) = decided_within([one, again], first=25, days=20)
    assert (seen.started, seen.ended, seen.adopted) == (-5, 4, True)
    assert seen.of_value.n.tolist() == one.of_value.n[25:45].tolist()
    assert decided_within([one, again], first=5, days=24) == []
    assert [late.adopted for late in decided_within([one, again], first=30, days=20)] == [False]
    nobody = replace(one, **dict.fromkeys(["control", "treatment", "of_value"], Moments(*np.zeros((3, 60)))))
    assert decided_within([nobody], first=0, days=60) == []


def test_it_says_what_was_left_out() -> None:
    adopted, rejected = (World(2.0, 5, 9, adopted=kind).live(20).decided() for kind in (True, False))
    assert explain_experiments([]) == ""
    assert explain_experiments([adopted, adopted]) == "Left out: what adopting B adds."
    assert explain_experiments([rejected, adopted]) == (
        "Left out: what adopting B adds and the replies that tested B."
    )
