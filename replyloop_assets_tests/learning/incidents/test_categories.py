import pytest

from replyloop_assets.learning.incidents.categories import LONGEST, OTHER, WORDS, categorise, own_category


@pytest.mark.parametrize(
    ("fingerprint", "category"),
    [
        ("Request failed with code 429: Too Many Requests", "rate_limit"),
        ("You exceeded your current quota", "rate_limit"),
        ("Could not authenticate you. (code 32)", "authentication"),
        ("Request failed with code 403: Forbidden", "authentication"),
        ("Status is a duplicate. (code 187)", "content_policy"),
        ("page.goto: Timeout <#> exceeded.", "timeout"),
        ("connect ETIMEDOUT <ip>", "timeout"),
        ("canceling statement due to statement timeout", "database"),
        ('duplicate key value violates unique constraint "pivots_pkey"', "database"),
        ("connect ECONNREFUSED <ip>", "network"),
        ("getaddrinfo ENOTFOUND api.x.com", "network"),
        ("Unexpected end of JSON input", "parsing"),
        ("Could not find user with username: [<*>].", "not_found"),
        ("OSError: [Errno 28] No space left on device", "resource"),
        ("TypeError: Cannot read properties of undefined (reading 'data')", "code"),
        ("environment variable OPENAI_API_KEY is not set", "configuration"),
        ("Session expired, please log in again", "authentication"),
        ("insufficient_quota", "rate_limit"),
        ("ApiRateLimitError: wait", "rate_limit"),
        ("Unclosed client session", "network"),
        ("SSLError: bad handshake", "network"),
        ("HTMLParser gave up", "parsing"),
        ("could not lock on the row", "database"),
        ("it rained", OTHER),
    ],
)
def test_what_kind_of_trouble_it_is(fingerprint: str, category: str) -> None:
    assert category in {*WORDS, OTHER}
    assert categorise(fingerprint) == category


@pytest.mark.parametrize(
    "word",
    [
        "a quotation",
        "a cheaper one",
        "a corporate limit",
        "a sparse answer",
        "a block on the user",
        "a redistribution",
        "a sum disclosed",
        "a hassle",
        "an invalidation",
        "a catalog index",
    ],
)
def test_a_word_within_a_word_says_nothing(word: str) -> None:
    assert categorise(f"{word} broke") == OTHER


def test_an_own_category_is_put_into_one_form() -> None:
    assert own_category(" Rate-Limit!") == "rate_limit"
    assert own_category("x" * 500) == "x" * LONGEST
    assert [own_category(told) for told in (None, "", " ?! ")] == [None, None, None]
