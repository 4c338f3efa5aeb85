"""Secrets are hidden wherever a message goes; what merely speaks of them stays; no text makes it slow."""

import time

import pytest

from replyloop_assets.learning.incidents.fingerprint import fold
from replyloop_assets.learning.incidents.secrets import hide_secrets

LETTERS = "abcdefghijklmnopqrstuvwxyzabcdef"
HIDDEN = {
    "login with password=hunter secret": "login with password=<secret> secret",
    'login with PASSWORD: "hunter two" failed': "login with PASSWORD: <secret> failed",
    "{'db_password': 'hunter', 'n': 1}": "{'db_password': <secret>, 'n': 1}",
    '{"token":"abc","message":"boom"}': '{"token":<secret>,"message":"boom"}',
    '{\\"token\\":\\"abc\\"}': '{\\"token\\":<secret>}',
    "client_secret=a&b, gone": "client_secret=<secret> gone",
    f"got Bearer {LETTERS} back": "got Bearer <secret> back",
    "Authorization: Bearer abc was refused": "Authorization: <secret> was refused",
    "Authorization: Basic YTpi": "Authorization: <secret>",
    "Cookie: a=b; c=d": "Cookie: <secret>",
    "token=['abc'] was told": "token=<secret>] was told",
    "x-api-key: abc": "x-api-key: <secret>",
    "run --db-password hunter now": "run --db-password <secret> now",
    "password hunter2 is wrong": "password <secret> is wrong",
    "key sk-abcdefghijklmnop is wrong": "key <secret> is wrong",
    "key ghp_abcdefghijklmnop is wrong": "key <secret> is wrong",
    "key xoxb-abcdef-ghijkl is wrong": "key <secret> is wrong",
    "key eyJhbGciOiJI.eyJzdWIi.c2ln is wrong": "key <secret> is wrong",
    "at https://ann:se/cret@host/x": "at https://host/x",
    "at https://ann:p@ss@host/x": "at https://host/x",
    "at https://abcdef@host/x": "at https://host/x",
    "pass=letmein": "pass=<secret>",
    "DB_PASS: letmein": "DB_PASS: <secret>",
    "at /login?user=ann&pass=letmein": "at /login?user=ann&pass=<secret>",
    '{"pw":"let me in","n":1}': '{"pw":<secret>,"n":1}',
    "run --smtp-pass hunter now": "run --smtp-pass <secret> now",
    "curl -u ann:hunter2 failed": "curl -u <secret> failed",
    "curl --user 'ann:hunter two' failed": "curl --user <secret> failed",
    'password="ab\\"cd" failed': "password=<secret> failed",
    "{'password': 'it\\'s', 'n': 1}": "{'password': <secret>, 'n': 1}",
    '{\\"password\\":\\"a\\\\\\"b\\",\\"n\\":1}': '{\\"password\\":<secret>,\\"n\\":1}',
    "jar: ct0=abc": "jar: ct0=<secret>",
    "auth_token=abc": "auth_token=<secret>",
    'oauth_consumer_key="abc", n': "oauth_consumer_key=<secret>, n",
    'oauth_signature="x%3D", n': "oauth_signature=<secret>, n",
    '{"name": "ct0", "value": "abc"}': '{"name": "ct0", "value": <secret>}',
    "https://hooks.slack.com/services/T0/B0/abc gone": "https://hooks.slack.com/<secret> gone",
    "https://discord.com/api/webhooks/1/abc gone": "https://discord.com/api/webhooks/<secret> gone",
    f"/bot123456789:AA{LETTERS}/sendMessage": "/bot<secret>/sendMessage",
    "bad access token: Ab12": "bad access token: <secret>",
    "bad access token: aBcDeFgHiJkL": "bad access token: <secret>",
    f"bad access token: {LETTERS}": "bad access token: <secret>",
    "bad access token: abc-def-ghi": "bad access token: <secret>",
    "bad access token: 'abc'": "bad access token: <secret>",
    "could not send cookies: a=b": "could not send cookies: <secret>",
    "wrong password: letmein": "wrong password: <secret>",
    "Token: letmein": "Token: <secret>",
}
SHOWN = [
    "Unexpected token < in JSON at position 0",
    "Unexpected token: punc",
    "invalid or expired token",
    'password authentication failed for user "ann"',
    "CSRF token mismatch for session",
    "cookie jar of ann has no auth_token",
    "Too many tokens: 12",
    "vault: secret some-thing/else not found",
    "environment variable OPENAI_API_KEY is not set",
    "at https://host.org/@ann/7",
    '{"token": null, "message": "boom"}',
    "could not refresh the access token: ETIMEDOUT",
    "could not refresh access_token: ECONNREFUSED, again",
    "could not refresh the token: invalid_grant",
    "could not refresh the token: TokenExpiredError: wait",
    "could not refresh the token: 401 Unauthorized",
    "no such api key: net::ERR_FAILED",
    "could not load cookies: ENOENT: no such file",
    "bypass the cache",
]


@pytest.mark.parametrize(("message", "hidden"), HIDDEN.items())
def test_secrets_are_hidden(message: str, hidden: str) -> None:
    assert hide_secrets(message) == hidden
    assert hide_secrets(hidden) == hidden


@pytest.mark.parametrize("message", SHOWN)
def test_what_speaks_of_them_stays(message: str) -> None:
    assert hide_secrets(message) == message


def test_no_fingerprint_tells_a_secret() -> None:
    assert fold("login with password=hunter") == fold("login with password=other") != ""
    assert fold(f"Bearer {LETTERS} refused") == "Bearer <secret> refused"
    assert fold('told {"token":"abc","message":"no"}') == "told no"
    assert fold("at https://api.x.com/2/me?token=abc now") == "at https://api.x.com/<#>/me now"


HOSTILE = (
    "password|password |password=|password='|password:\\|token is |bearer |cookie=|cookie=;|; |--|--a-|://|"
    "://a:|://a@|sk-|eyJ|eyJaaaaaaaa.|xox|secret\"|api_key |authorization: basic |\\\\|='|1|1:|a|  |\t=|"
    'a token: |a token: A_|token: Ab|pw="\\|pw=\\"\\\\|-u |-u a|-u a:|/bot1:|"ct0","value":"|ct0\', '
).split("|")


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("before", ["", "password ", "password='", "cookie=", "https://a:"])
def test_no_text_makes_it_slow(piece: str, before: str) -> None:
    began = time.process_time()
    hide_secrets(before + piece * 4000)
    assert time.process_time() - began < 0.5
