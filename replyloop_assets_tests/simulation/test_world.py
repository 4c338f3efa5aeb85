"""A world's file: what comes along, and what is wrong in one, by its key."""

import re
import tomllib
from pathlib import Path

import pytest

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.simulation.world import Outage, Trouble, World, load_world, shipped_worlds

DOCUMENT = Path(__file__).parents[2] / "docs" / "worlds.md"


def test_every_shipped_world_loads_and_says_what_it_is() -> None:
    assert {"default", "sparse", "drop", "drift", "algorithm", "trouble"} < set(shipped_worlds())
    assert {"stationary", "swap", "disagree", "walk"} < set(shipped_worlds())
    assert {"weekly", "growing", "away"} < set(shipped_worlds())
    for name in shipped_worlds():
        assert load_world(name).about


def test_the_documents_file_is_a_world_and_its_values_are_the_defaults() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    told = tomllib.loads(text)
    World.model_validate(told)
    for table in ("outcome", "arms", "accounts", "posts", "rhythm", "signals"):
        assert World.model_validate({table: told[table]}) == World()
        assert set(told[table]) == set(World.model_fields[table].annotation.model_fields)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[outcome]\nmaen = 5", "outcome.maen cannot be used: there is no such key"),
        ("[outcome]\npositive = 1.5", "outcome.positive cannot be used: input should be less than or"),
        ("[posts]\nper_day = 'many'", "posts.per_day cannot be used"),
        ("[[change]]\nday = 3\nkind = 'explode'", "change.0.kind cannot be used"),
        ("[[change]]\nday = 3\nkind = 'algorithm'", "needs the arm that it hits"),
        ("[[change]]\nday = 3\nkind = 'swap'\ndimension = 'likes'", "only the arms of generator, format"),
        ("[effects.likes]\nmany = 2", "likes takes lower bounds such as 1000, not 'many'"),
        ("[effects.colour]\nred = 2", "effects.colour"),
        ("[rhythm]\nweekdays = [1, 2]", "rhythm.weekdays cannot be used"),
        ("outcome = ", "is no TOML"),
        (f"[rhythm]\nposts_by_hour = {[0] * 24}", "some hour needs a weight above 0"),
        ("[posts]\nreplies_per_like = [0.03, 0.003]", "posts.replies_per_like cannot be used"),
        ("[arms]\nhits_within = [0, 0]", "write the lower end first"),
        ("[accounts]\nfollowers_median = inf", "accounts.followers_median cannot be used"),
        ("[effects.generator]", "generator needs an arm"),
        ('[effects.likes]\n"²" = 1', "likes takes lower bounds"),
        ("[[experiment]]\nday = 1\ncontrol = 'A'\ntreatment = 'A'", "control and treatment are the same"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ReplyloopError, match=re.escape(said)) as error:
        load_world(str(path))
    assert str(path) in str(error.value)


def test_the_bot_is_away_once_or_again_and_again() -> None:
    once, often = Outage(day=3, days=2), Outage(day=5, days=2, every=10)
    assert [day for day in range(40) if once.holds(day)] == [3, 4]
    assert [day for day in range(30) if often.holds(day)] == [5, 6, 15, 16, 25, 26]
    both = Trouble(outages=(once, often))
    assert [day for day in range(20) if both.away(day)] == [3, 4, 5, 6, 15, 16]
    assert load_world("away").trouble.away(10 + 14 * 60)


def test_what_is_no_file_is_answered_with_the_worlds_there_are(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG\xff\xfe")
    for name in ("nowhere", str(tmp_path), str(tmp_path / "picture"), "a\0b"):
        with pytest.raises(
            ReplyloopError, match="neither a readable file nor a world: take one of algorithm"
        ):
            load_world(name)
