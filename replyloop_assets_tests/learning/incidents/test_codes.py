"""Which numbers say what went wrong, and which only count."""

import pytest

from replyloop_assets.learning.incidents.categories import categorise
from replyloop_assets.learning.incidents.fingerprint import fold

STATUS = [
    "status_code={}",
    "http_status={}",
    "statusCode: {}",
    "status: {} from api",
    "status={}.",
    "Request failed ({})",
    "Got {} while posting",
    "got a {} again",
    "received {}",
    "response {}",
    "<Response [{}]>",
    "could not post - {}",
    "upload failed: {}",
    "could not post as ann: {}",
    "openai: {} - no",
    "{} - no",
    "HTTPError: {}",
    "ApiError({})",
    "error {}",
]
CODES = [
    "error_code=32",
    "errorCode: 32",
    "TwitterApiError(187)",
    "Twitter error 88",
    "OSError(28, 'No space left')",
    "exit_code=137",
    "exited with status 2",
    "failed, code: '23505'",
    "TwitterError: code 144.",
]
COUNTS = {
    "Error: {} of 40 replies failed": "Error: <#> of <#> reply failed",
    "Error: {} replies failed": "Error: <#> reply failed",
    "queue status: {} pending": "queue status: <#> pending",
    "Tweet too long: {}, limit 280": "Tweet too long: <#>, limit <#>",
    "got {} tweets": "got <#> tweet",
    "expected 40 replies, got {}": "expected <#> reply, got <#>",
    "type varying({})": "type varying(<#>)",
    "returned {} posts": "returned <#> post",
    "messages ({}) dropped": "messages (<#>) dropped",
    "value [{}] is out of range": "value [<#>] is out of range",
    "queue depth: {}": "queue depth: <#>",
    "decode {} items": "decode <#> item",
    "error code 4{}.5": "error code <#>",
}


@pytest.mark.parametrize("template", STATUS)
def test_a_status_stays_wherever_a_program_puts_it(template: str) -> None:
    for status, category in ((401, "authentication"), (429, "rate_limit"), (503, "network")):
        message = template.format(status)
        assert fold(message) == message
        assert categorise(message) == category


def test_a_status_stays_that_is_not_the_one_expected() -> None:
    assert fold("expected 200, got 403") == "expected <#>, got 403"


@pytest.mark.parametrize("message", CODES)
def test_a_code_stays(message: str) -> None:
    assert fold(message) == message


@pytest.mark.parametrize(("template", "folded"), COUNTS.items())
@pytest.mark.parametrize("count", [3, 12, 120, 412, 503])
def test_what_only_counts_is_folded(template: str, folded: str, count: int) -> None:
    assert fold(template.format(count)) == folded
