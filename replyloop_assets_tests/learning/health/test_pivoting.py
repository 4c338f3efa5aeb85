"""One pivot an episode: when it opens, when it closes, and what never opens one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyloop_assets.learning.health.pivoting import Move, PastPivot, Seen, next_move
from replyloop_assets.learning.health.settings import HealthSettings, PivotSettings

NOW = datetime(2026, 6, 15, 12, 1, tzinfo=UTC)
SETTINGS = PivotSettings()
MOST = HealthSettings().episode_days


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def degraded(started: float = 5, day: float = 0) -> Seen:
    return Seen(ago(day).date(), True, False, ago(started), None, "Replies bring less.")


def healthy(day: float = 0) -> Seen:
    return Seen(ago(day).date(), False, True, None, None, "No drop beyond chance.")


def what(seen: Seen | None, *pivots: PastPivot, now: datetime = NOW) -> str | None:
    move = next_move(seen, pivots, now, SETTINGS, MOST)
    return move.what if isinstance(move, Move) else None


def test_the_design_s_numbers() -> None:
    assert (SETTINGS.experiments, SETTINGS.units_share, SETTINGS.treatment_share) == (1, 0.2, 0.5)
    assert (SETTINGS.least_days, SETTINGS.cooldown_days, MOST) == (14, 7, 60)


@pytest.mark.parametrize(
    ("seen", "pivots", "expected"),
    [
        pytest.param(degraded(), [], "open", id="a drop that is sure"),
        pytest.param(degraded(day=1), [], "open", id="of yesterday"),
        pytest.param(degraded(day=2), [], None, id="a past window opens none"),
        pytest.param(degraded()._replace(pivot_warranted=False), [], None, id="not sure yet"),
        pytest.param(degraded()._replace(episode_started_at=None), [], None, id="no episode"),
        pytest.param(healthy(), [], None, id="healthy"),
        pytest.param(None, [], None, id="nothing judged"),
        pytest.param(degraded(), [PastPivot(ago(4), None)], None, id="one is open"),
        pytest.param(degraded(50), [PastPivot(ago(40), ago(20))], None, id="this episode had its own"),
        pytest.param(degraded(5), [PastPivot(ago(40), ago(20))], "open", id="the next episode"),
        pytest.param(degraded(2), [PastPivot(ago(40), ago(4))], None, id="too soon after the last"),
        pytest.param(degraded(20), [PastPivot(ago(100), ago(0))], "open", id="closed long after it was over"),
        pytest.param(degraded(50), [PastPivot(ago(100), ago(0))], None, id="its own, closed late"),
        pytest.param(
            degraded(10.5), [PastPivot(ago(40), ago(10.1))], "open", id="the next on the day of closing"
        ),
        pytest.param(healthy(), [PastPivot(ago(13.9), None)], None, id="for 14 days at least"),
        pytest.param(healthy(), [PastPivot(ago(14), None)], "close", id="recovered"),
        pytest.param(degraded(), [PastPivot(ago(14), None)], None, id="not recovered"),
        pytest.param(healthy()._replace(recovered=False), [PastPivot(ago(20), None)], None, id="hysteresis"),
        pytest.param(
            healthy(day=2), [PastPivot(ago(20), None)], None, id="recovered long ago, not known now"
        ),
        pytest.param(None, [PastPivot(ago(59.9), None)], None, id="nothing known"),
        pytest.param(None, [PastPivot(ago(60), None)], "close", id="60 days at most"),
        pytest.param(degraded(), [PastPivot(ago(60), None)], "close", id="60 days though degraded"),
        pytest.param(
            degraded(5), [PastPivot(ago(90), ago(30)), PastPivot(ago(4), None)], None, id="the newest counts"
        ),
    ],
)
def test_what_is_due(seen: Seen | None, pivots: list[PastPivot], expected: str | None) -> None:
    assert what(seen, *pivots) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"units_share": 20},
        {"units_share": 0},
        {"treatment_share": 1},
        {"least_days": -1},
        {"experiments": -1},
    ],
)
def test_a_pivot_that_could_not_do_what_it_says_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PivotSettings(**wrong)  # type: ignore[arg-type]


def test_every_answer_says_why() -> None:
    assert next_move(degraded(), [], NOW, SETTINGS, MOST) == Move("open", "Replies bring less.")
    for seen, pivots in ((healthy(), []), (degraded(), [PastPivot(ago(4), None)]), (None, [])):
        answer = next_move(seen, pivots, NOW, SETTINGS, MOST)
        assert isinstance(answer, str)
        assert answer.endswith(".")


def test_what_stays_down_for_sixty_days_has_not_recovered() -> None:
    """The detector ends the episode by its age, perhaps before the pivot's own days are over."""
    opened = PastPivot(ago(58), None)
    at_last = healthy()._replace(usual_since=ago(63).date())
    assert next_move(at_last, [opened], NOW, SETTINGS, MOST) == Move(
        "close", "60 days have passed: the new level is the usual one now."
    )
    long_ago = healthy()._replace(usual_since=ago(150).date())
    assert next_move(long_ago, [opened], NOW, SETTINGS, MOST) == Move(
        "close", "Recovered: No drop beyond chance."
    )


@pytest.mark.parametrize("began", [-15.0, -0.5, 0.0, 2.0, 6.0])
@pytest.mark.parametrize("later", [0.0, 3.0, 6.9])
def test_late_data_that_moves_an_episode_s_start_opens_no_second_pivot(began: float, later: float) -> None:
    """Wherever the revised start lies around the closing, within the cooldown none is opened."""
    closed = PastPivot(ago(20 + later), ago(later))
    assert what(degraded(later - began), closed) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.booleans()), min_size=1, max_size=200))
def test_whatever_health_says_pivots_never_overlap_and_keep_their_lengths(
    days: list[tuple[bool, int, bool]],
) -> None:
    """Day after day: degraded or not, an episode's start that moves, a day on which nothing is known."""
    pivots: list[PastPivot] = []
    began: datetime | None = None
    for n, (down, moved, known) in enumerate(days):
        now = NOW + timedelta(days=n)
        began = (began or now) if down else None
        start = None if began is None else began + timedelta(days=moved)
        seen = Seen(now.date(), down, not down, start, None, "So it is.") if known else None
        move = next_move(seen, pivots, now, SETTINGS, MOST)
        if isinstance(move, Move) and move.what == "open":
            assert not pivots or pivots[-1].closed_at is not None
            pivots.append(PastPivot(now, None))
        elif isinstance(move, Move):
            pivots[-1] = pivots[-1]._replace(closed_at=now)
    for one, later in pairwise(pivots):
        assert one.closed_at is not None
        assert timedelta(days=14) <= one.closed_at - one.opened_at <= timedelta(days=60)
        assert later.opened_at >= one.closed_at + timedelta(days=SETTINGS.cooldown_days)
    if pivots and pivots[-1].closed_at is None:
        assert NOW + timedelta(days=len(days) - 1) - pivots[-1].opened_at < timedelta(days=60)
