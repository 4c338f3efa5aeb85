"""Which line of an error tells what happened."""

import json
import traceback

import pytest

from replyloop_assets.learning.incidents.telling import CUT, telling_line

FRAMES = 'Traceback (most recent call last):\n  File "/app/a.py", line 3, in run\n    go()\n'


def test_a_traceback_tells_at_its_end() -> None:
    assert telling_line(f"{FRAMES}KeyError: 'x'") == "KeyError: 'x'"
    chained = f"{FRAMES}KeyError: 'x'\n\nDuring handling of it:\n\n{FRAMES}a.Wrong: no\nDETAIL: more"
    assert telling_line(chained) == "a.Wrong: no"
    assert telling_line("Error: no\n    at run (/app/a.js:3:7)") == "Error: no"


def test_a_browser_tells_in_its_log_what_it_missed() -> None:
    log = "page.click: Timeout 3000ms exceeded.\nCall log:\n  - waiting for locator('#go')"
    assert telling_line(log) == "page.click: Timeout 3000ms exceeded. waiting for locator('#go')"
    assert telling_line(f"{FRAMES}{log}") == telling_line(log)


def test_a_body_gives_way_to_what_it_says() -> None:
    body = '400 - {"error": {"message": "no \\"such\\" model", "type": "bad", "param": null}, "id": "r1"}'
    assert telling_line(body) == '400 - no \\"such\\" model; bad'
    assert telling_line("{'a': 1, 'b': [2]} was told") == "<json> was told"
    assert telling_line('cut off: {"message": "too lo') == "cut off: <json>"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errorName": "RateLimit", "n": 3}, "RateLimit"),
        ({"error_message": "boom", "user": "ann"}, "boom"),
        ({"status": 401, "n": 3}, "status 401"),
        ({"errors": [{"message": "no", "code": 32}]}, "no; code 32"),
        ({"errors": ["too short", "no digit"]}, "too.short.no.digit"),
        ({"detail": [{"loc": ["body", "text"], "msg": "missing"}]}, "body.text; missing"),
        ({"path": "/2/users/7", "message": "no"}, "no"),
        ({"user": "ann"}, "<json>"),
    ],
    ids=str,
)
def test_of_a_body_stays_what_tells(body: object, said: str) -> None:
    assert telling_line(json.dumps(body)) == said


@pytest.mark.parametrize("indent", [None, 2])
def test_a_validation_tells_which_field_it_misses(indent: int | None) -> None:
    def told(*path: object) -> str:
        issue = {"code": "invalid_type", "path": path, "message": "Required"}
        return " ".join(telling_line(f"ZodError: {json.dumps([issue], indent=indent)}").split())

    assert told("text").strip("[] ") != told("author").strip("[] ")
    assert "invalid_type; items.0.text; Required" in told("items", 0, "text")
    wrong = "pydantic.ValidationError: 1 validation error for Reply"
    for kind in ("[type=missing, input_value={'id': 1}]", "(type=value_error.missing)"):
        assert telling_line(f"{wrong}\ntext\n  Field required {kind}\n") == f"{wrong} text Field required"


def test_node_tells_under_the_place_where_it_was_thrown() -> None:
    inner = (
        "node:internal/process/promises:288\n            triggerUncaughtException(err);\n            ^\n\n"
    )
    assert telling_line(f"{inner}TypeError: no\n    at run (/app/a.js:3:7)") == "TypeError: no"
    own = "/app/dist/main.js:12\n  throw new TypeError('no')\n"
    assert telling_line(f"{own}TypeError: no\n    at run (/app/a.js:3:7)") == "TypeError: no"
    assert telling_line(f"{own}  ^\nno luck\n(Use `node --trace-uncaught`)") == "no luck"
    assert telling_line("/app/dist/main.js:12\nnothing else") == "/app/dist/main.js:12"


def test_node_tells_the_cause_of_what_it_wrapped() -> None:
    wrapped = "TypeError: fetch failed\n    at run (a.js:3) {\n  [cause]: Error: connect ECONNREFUSED ::1"
    assert telling_line(wrapped) == "TypeError: fetch failed [cause]: Error: connect ECONNREFUSED ::1"
    command = "Error: Command failed: npx post\nsome output\nError: login wall\n    at run"
    assert telling_line(command) == "Error: Command failed: npx post Error: login wall"


def shown(error: BaseException) -> str:
    """An error as Python prints it when nothing catches it."""
    try:
        raise error
    except BaseException:
        return traceback.format_exc()


def raised(error: Exception) -> Exception:
    """The error, with the frames of its raising."""
    try:
        raise error
    except Exception as caught:
        return caught


def test_a_group_tells_of_the_last_in_it() -> None:
    inner = ExceptionGroup("inner", [raised(KeyError("first")), raised(ValueError("deep\nsecond line"))])
    assert telling_line(shown(ExceptionGroup("outer", [inner]))) == "ValueError: deep"
    never_raised = ExceptionGroup("outer", [KeyError("first"), ExceptionGroup("inner", [OSError("leaf")])])
    assert telling_line("".join(traceback.format_exception(never_raised))) == "OSError: leaf"
    many = ExceptionGroup("outer", [ValueError(f"no {n}") for n in range(40)])
    assert telling_line(shown(many)) == "ValueError: no 14"  # the last that Python shows


def test_a_cut_is_no_exception() -> None:
    cut = f"{FRAMES}KeyError: 'x'\n\nDuring handling of it:\n\n{FRAMES}{CUT}\nrest of a line'\n(Background)"
    assert telling_line(cut) == "KeyError: 'x'"
    assert telling_line(f"{FRAMES}{CUT}\nrest of a line\nValueError: no\n(Background)") == "ValueError: no"
    assert telling_line(f"{FRAMES}{CUT}\nrest\n{FRAMES}a.Wrong: no\nmore") == "a.Wrong: no"
