"""What no operator's screen should show: passwords, keys, tokens and cookies give way to `<secret>`.

What stands after `password=` and its like goes whatever it is; after a mere space, only what looks drawn
at random, for `token expired` tells what went wrong. Every repetition is bounded or ends the expression,
so that time grows with the length alone.
"""

import re

SECRET = "<secret>"  # noqa: S105
NAMES = "password|passwd|passphrase|pwd|token|secret|api[-_ ]?key|(?:private|access)[-_]?key|authorization"
QUOTED = r"""\[?(?:\\{0,3}"[^"]*"?|\\{0,3}'[^']*'?)"""
GIVEN = r"""[\\"']{0,4}[^\S\n]{0,3}(?:[:=]>?|%3D)[^\S\n]{0,3}"""  # "name": value, name=value, 'name' => value
# a body may follow what a name says, or the next field of one
BODY = r"""\[?\{\s{0,3}\\?["']|(?:null|none|true|false)(?=[\s,;)}\]]|$)|<secret>"""
COOKIES = re.compile(rf"""(cookies?{GIVEN})(?!{BODY})(?:{QUOTED}|(?:(?![,\\]["'])[^\s;]|;[^\S\n]?)+)""", re.I)
NAMED = re.compile(
    rf"""((?<!unexpected[ ])(?:{NAMES}|bearer){GIVEN})(?!{BODY})
    (?:(?:bearer|basic|digest|negotiate|token)[^\S\n]{{1,3}})?
    (?:{QUOTED}|(?:(?!,\\?["'])\S)+)
    """,
    re.IGNORECASE | re.VERBOSE,
)
SPACED = re.compile(
    rf"""(
        (?<!unexpected[ ])(?<![a-z])(?:{NAMES}|cookie|bearer)(?:\s(?:is|was))?[\s"']{{1,3}}
        (?=[a-z]{{20}}|(?=\S{{4}})[^\s0-9]{{0,200}}[0-9])
        |--[\w-]{{0,40}}(?:{NAMES})\s
        |\b(?:bearer|basic)\s(?=[\w.~+/=-]{{16}})
    )\S+
    """,
    re.IGNORECASE | re.VERBOSE,
)
ISSUED = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        (?:sk|pk|rk)[-_][\w*-]{10,}
        |(?:gh[a-z]|github_pat|glpat|hf|npm)[-_][\w*-]{10,}
        |xox[a-z][\w*-]{6,}|xapp-[\w-]{6,}
        |eyJ[\w-]{8,}(?:\.[\w-]*){0,4}
        |(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w.-]{10,}
        |[0-9]{8,10}:[\w-]{30,}
    )""",
    re.VERBOSE,
)
ADDRESS = re.compile(r"(?<=://)[^\s\"'<>]+")


def hide_secrets(text: str) -> str:
    """The text without its secrets; hidden ones stay as they are."""
    text = ADDRESS.sub(without_user, text)
    for pattern in (COOKIES, NAMED, SPACED):
        text = pattern.sub(rf"\1{SECRET}", text)
    return ISSUED.sub(SECRET, text)


def without_user(found: re.Match[str]) -> str:
    """An address without user and password, even if the latter holds what should have been escaped."""
    user, at, rest = found[0].rpartition("@")
    return rest if at and (":" in user or "/" not in user) else found[0]
