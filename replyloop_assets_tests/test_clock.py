import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from replyloop_assets import clock
from replyloop_assets.errors import ReplyloopError


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    clock.shift.cache_clear()


def test_unset_it_is_the_machines() -> None:
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)


def test_a_process_starts_where_it_is_set_and_runs_on() -> None:
    code = (
        "import json, time; from replyloop_assets import clock; one = clock.now(); time.sleep(0.2);"
        "print(json.dumps([one.isoformat(), clock.now().isoformat()]))"
    )
    given = "2026-03-01T23:59:59.9+00:00"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {clock.VARIABLE: given},
        capture_output=True,
        text=True,
        check=True,
    )
    one, other = map(datetime.fromisoformat, json.loads(done.stdout))
    assert one - datetime.fromisoformat(given) < timedelta(seconds=60)
    assert other.day == 2, "midnight passed meanwhile"
    assert other > one


@pytest.mark.parametrize("given", ["tomorrow", "2026-03-01T23:59:59", "25:00"])
def test_what_is_no_instant_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.VARIABLE, given)
    with pytest.raises(ReplyloopError, match="REPLYLOOP_CLOCK is no instant: write it as"):
        clock.now()
    clock.shift.cache_clear()
