"""What no operator's screen should show: passwords, keys, tokens and cookies give way to `<secret>`.

What stands after `password=` and its like goes whatever it is. After a mere space only what looks drawn at
random, for `token expired` tells what went wrong; and after `token: ` and its like within a sentence all but
a plain word, for `could not refresh the token: ETIMEDOUT` does so too. Every repetition is bounded or ends
the expression, so that time grows with the length alone.
"""

import re

SECRET = "<secret>"  # noqa: S105
NAMES = (
    "password|passwd|passphrase|pwd|token|secret|api[-_ ]?key|(?:private|access|consumer)[-_]?key"
    "|authorization|bearer"
)
SHORT = r"pass|(?<![a-z])pw|(?<![a-z])ct0|signature"  # mere words unless a value is given
GIVEN = r"""[\\"']{0,4}[^\S\n]{0,3}(?:[:=]>?|%3D)[^\S\n]{0,3}"""  # "name": value, name=value, 'name' => value
# a browser's cookie: "name": "token", "value": "..."
PAIRED = r"""(?:[\\"']{1,4}\s{0,40},\s{0,40}[\\"']{1,4}value)?"""
# in quotes, and in those of a text in quotes; what escapes one is no end
QUOTED = r"\[?(?:{})".format(
    "|".join(
        rf"""{mark}(?:[^{mark}\\]|\\[\s\S])*+{mark}?
        |\\{mark}(?:[^{mark}\\]|\\\\(?:\\[{mark}\\]|[^{mark}\\])|\\(?!{mark}))*+(?:\\{mark})?
        |\\{{2,3}}{mark}[^{mark}]*{mark}?"""
        for mark in "\"'"
    )
)
# a body may follow what a name says, or the next field of one
BODY = r"""\[?\{\s{0,3}\\?["']|(?:null|none|true|false)(?=[\s,;)}\]]|$)|<secret>"""
COOKIES = re.compile(
    rf"""(?P<name>cookies?{GIVEN})(?!{BODY})(?P<value>{QUOTED}|(?:(?![,\\]["'])[^\s;]|;[^\S\n]?)+)""",
    re.IGNORECASE | re.VERBOSE,
)
NAMED = re.compile(
    rf"""(?P<name>(?=[abcpst])(?<!unexpected[ ])(?:{NAMES}|{SHORT}){PAIRED}{GIVEN})(?!{BODY})
    (?P<value>(?:(?:bearer|basic|digest|negotiate|token)[^\S\n]{{1,3}})?
    (?:{QUOTED}|(?:(?!,\\?["'])\S)+))
    """,
    re.IGNORECASE | re.VERBOSE,
)
# of what is drawn at random; a sentence about it has words before it, and a word or a status after it
DRAWN = re.compile(r"(?:token|key|cookies?|signature):[ ]$", re.IGNORECASE)
BEFORE = re.compile(r"[A-Za-z] \w{0,30}$")
PLAIN = re.compile(
    r"(?=.{1,40}$)(?:(?:(?:[A-Z]{1,19}|[A-Z]?[a-z]{1,19}(?:[A-Z]{1,4}[a-z]{2,19}){0,4})(?:_|::|(?![A-Za-z])))+"
    r"|[1-5][0-9]{2})[,.;:!)]{0,2}"
)
SPACED = re.compile(
    rf"""(
        (?<!unexpected[ ])(?<![a-z])(?:{NAMES}|cookie)(?:\s(?:is|was))?[\s"']{{1,3}}
        (?=[a-z]{{20}}|(?=\S{{4}})[^\s0-9]{{0,200}}[0-9])
        |--[\w-]{{0,40}}(?:{NAMES}|pass)\s
        |\b(?:bearer|basic)\s(?=[\w.~+/=-]{{16}})
    )\S+
    """,
    re.IGNORECASE | re.VERBOSE,
)
USER = re.compile(
    rf"""((?<![\w-])(?:-u|--(?:proxy-)?user)[\s=])(?:(?=["'][^\s:"']{{1,100}}:){QUOTED}|[^\s:"']{{1,100}}:\S+)""",
    re.VERBOSE,
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
# addresses that let anybody post who knows them
HOOK = re.compile(
    r"(hooks\.slack\.com\\?/|/api\\?/webhooks\\?/)[^\s\"'<>]+|(/bot)[0-9]{6,12}(?::|%3A)[\w-]{20,}"
)


def hide_secrets(text: str) -> str:
    """The text without its secrets; hidden ones stay as they are."""
    text = ADDRESS.sub(without_user, text)
    text = HOOK.sub(rf"\1\2{SECRET}", text)
    for pattern in (COOKIES, NAMED):
        text = pattern.sub(without_value, text)
    for pattern in (SPACED, USER):
        text = pattern.sub(rf"\1{SECRET}", text)
    return ISSUED.sub(SECRET, text)


def without_value(found: re.Match[str]) -> str:
    """A name without its value, unless a sentence speaks of it and a plain word says what happened."""
    start = found.start()
    speaks = (
        DRAWN.search(found["name"])
        and BEFORE.search(found.string[max(0, start - 40) : start])
        and PLAIN.fullmatch(found["value"])
    )
    return found[0] if speaks else found["name"] + SECRET


def without_user(found: re.Match[str]) -> str:
    """An address without user and password, even if the latter holds what should have been escaped."""
    user, at, rest = found[0].rpartition("@")
    return rest if at and (":" in user or "/" not in user) else found[0]
