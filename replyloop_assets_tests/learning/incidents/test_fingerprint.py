"""What is folded and what stays; and that no text makes it slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyloop_assets.learning.incidents.fingerprint import fold
from replyloop_assets.learning.incidents.telling import LONGEST, telling_line
from replyloop_assets.learning.incidents.words import tokens

FOLDED = {
    "at 2026-03-01T12:30:00.123Z it broke": "at <time> it broke",
    "at 2026-03-01 12:30:00+00 it broke": "at <time> it broke",
    "expired on Sat, 21 Mar 2026 04:49:29 GMT": "expired on <time>",
    "run 3f1c9c0e-6b1d-4f7a-8a52-7d9f0f6a2b41 failed": "run <#> failed",
    "object at 0x7f3a9c12": "object at <#>",
    "connect to 10.0.0.7:5432 and fe80::1ff:fe23:4567:890a": "connect to <ip> and <ip>",
    "mail to ann.b+c@mail.example.org bounced": "mail to <email> bounced",
    "blocked by @some_user": "blocked by @<name>",
    "took 1.25s of 30 seconds, at 12% of 3 MB": "took <#> of <#>, at <#> of <#>",
    "1 attempt of 3 attempts": "<#> attempt of <#> attempt",
    "retry in 1h 3m 20s": "retry in <#>",
    "session req_011CSHoEeqs5C35K2UUqR7Fy of worker-12": "session req_<#> of worker-<#>",
    "cursor DAACCgACGdy4F5YAJxAKAAMZ3LgX is old": "cursor <#> is old",
    "open '/home/ann/bot/state.json'": "open '<path>/state.json'",
    "open 'C:\\Users\\ann\\bot\\state.json'": "open '<path>/state.json'",
    "at https://example.org/a/b?x=1 again": "at <url> again",
    "https://api.x.com/2/tweets/19900/likes?n=5, 7 left": "https://api.x.com/<#>/tweets/<#>/likes, <#> left",
    "at https://ann:secret@api.x.com/2/tweets it": "at https://api.x.com/<#>/tweets it",
    "to postgresql://ann:secret@db/bot": "to <url>",
    'reply "you would never guess what she said" is too long': 'reply "<text>" is too long',
    "rows 3, 5, 7, 9 are bad": "rows <#> are bad",
    "3 replies failed of 12 entries": "<#> reply failed of <#> entry",
    "2 batches, 2 addresses, 2 images": "<#> batch, <#> address, <#> image",
    "2 statuses of 2 series of 2 cookies": "<#> statuses of <#> series of <#> cookies",
    "answered <b>\u202eevil\u202c</b>\x00\x07 now": "answered <b> evil </b> now",
}
KEPT = [
    "Request failed with status code 404",
    "HTTP 502 from upstream",
    "answered 503 in vain",
    "This Tweet cannot be found. (code 144)",
    "[Errno 111] Connection refused",
    "worker exited with code 137",
    "429 Too Many Requests",
    "Twitter API error 403 for POST",
    "Cannot read properties of undefined (reading 'legacy')",
    'column "follower_counts" does not exist',
    "connect ECONNREFUSED",
    "SQLSTATE 40P01",
    "calculateOpportunityScoreForTweet is not defined",
    "buildReplyPromptFromPostContext is not defined",
    "MaxRetriesPerRequestError: no answer",
    "parseQuotedTweetTextFromURL is not a function",
]


@pytest.mark.parametrize(("message", "folded"), FOLDED.items())
def test_what_differs_from_case_to_case_is_folded(message: str, folded: str) -> None:
    assert fold(message) == folded


@pytest.mark.parametrize("message", KEPT)
def test_what_says_which_error_it_is_stays(message: str) -> None:
    assert fold(message) == message


def test_a_name_of_an_error_is_not_drawn_at_random_whatever_digits_it_has() -> None:
    assert fold("OAuth2RefreshError: no answer") == "OAuth<#>RefreshError: no answer"
    assert fold("key aQzRtWvXpLmKdJhGfBcNsYeU") == "key <#>"


@pytest.mark.parametrize("message", ["", " \n\t ", "\x00\x01", "\u202e"])
def test_nothing_says_nothing(message: str) -> None:
    assert fold(message) == ""


HOSTILE = (
    "a 1 / \" ' : . - _ @ < > [ { } \\ 0x 1: 1. 1, a1 aB a- a. a@ a@b. :: f: {\" {' \\u12 Mon"
    '|1 |1s |code |code 4|error=|http://|"message":"|<#> |<#>,|Jan 1 |2026-|1 Jan '
    '|\n|a\n|waiting for |  File "\n|12345678-|1e|status_|code=|Error(|[cause]: |AbCd|{"err|"path":["'
).replace(" ", "|")
WITH_BLANKS = [
    *("status: ", "error 4", "got 4", "failed: ", "failed 1", ": 403", "- 403", "403 ", "3 replies "),
    *("node:", "/:1", "^\n", "  | |", "  | a\n", "  +-+- 1 -\n", "Error: \n", "[\n{", "Command failed\n"),
    "2 validation errors for a\n",
]


@pytest.mark.parametrize("piece", [*(piece for piece in HOSTILE.split("|") if piece), *WITH_BLANKS])
@pytest.mark.parametrize("before", ["", "x ", '{"message":"'])
def test_no_text_makes_it_slow(piece: str, before: str) -> None:
    began = time.process_time()
    tokens(fold(before + piece * 4000))
    assert time.process_time() - began < 0.5


@given(st.text(max_size=300))
def test_any_text_is_folded_and_no_number_is_told_from_another(text: str) -> None:
    assert len(telling_line(text)) <= LONGEST
    assert fold(f"took 12 ms: {text}") == fold(f"took 34567 ms: {text}")
