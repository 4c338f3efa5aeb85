"""Numbers that say which error it is: HTTP statuses, error codes, exit codes. All others are counts.

`code=` and its like are followed by a code, whatever the number is. Elsewhere a number is a status if it
is a known one and stands where programs put one, and no plural follows, for `got 500 tweets` counts.
"""

import re

# Digits that say something are put out of reach of the folding, into a block that no text uses.
HIDE = {ord("0") + n: 0xE000 + n for n in range(10)}
SHOW = {0xE000 + n: ord("0") + n for n in range(10)}

BEGIN = r"(?:(?<![^\W_])|(?-i:(?<=[a-z])(?=[A-Z])))"  # of a word, also in error_code and errorCode
GIVEN = r"[\s:=#(\[\"'-]{1,4}"
END = r"(?!\w|[.,]\w)"
NO_COUNT = rf"{END}(?!\s?/|\sof\b|\s[a-z]{{3,20}}s\b)"
BESIDE = r"(?:after|and|at|by|for|from|in|on|to|when|while|with)\b"  # a status stands, not a count
STATUS = "(?:4(?:0[0-9]|1[0-8]|2[0-9]|31|51|99)|5(?:0[0-9]|1[01]|2[0-9]|30))"
AFTERWARDS = r"(?=[.]?$|[,;:)]|\s-\s|\s(?-i:[A-Z]))"
# what each begins with stands first, which makes the search twice as fast
CODES = re.compile(
    rf"""
    (?=[cegsh]){BEGIN}(?:
        (?:(?:error|status|exit)?code|errno|sqlstate|signal|curl|grpc){GIVEN}
            (?P<code>[0-9]{{1,5}}|[0-9]{{2}}[0-9A-Z]{{3}}){END}
        |exit(?:ed)?\s(?:with\s)?status{GIVEN}(?P<exit>[0-9]{{1,3}}){END}
        |status(?!:\s?[0-9]{{3}}\s(?-i:(?!{BESIDE})[a-z])){GIVEN}(?P<status>[1-5][0-9]{{2}}){END}
        |http(?:/[0-9.]{{1,3}})?{GIVEN}(?P<http>[1-5][0-9]{{2}}){END}
    )
    |e(?:rror|xception)(?:
        \((?P<argument>[0-9]{{1,5}})(?=[,)])
        |[\s#(\[]{{1,2}}(?P<error>[1-5][0-9]{{2}}{NO_COUNT}|[0-9]{{1,2}}(?=$|[:,)]))
        |:\s?(?P<told>{STATUS}){NO_COUNT}
    )
    |(?=[ar])\b(?:answered|returned|responded)(?:\swith)?[\s:(\[]{{1,2}}
        (?P<answer>[23]0[0-9]|{STATUS}){NO_COUNT}
    |(?=[gr])(?<![^0-9],\s)\b(?:got|received|response)(?:\sa)?[\s:(\[]{{1,2}}(?P<got>{STATUS}){NO_COUNT}
    |\((?<=[^s]\s\()(?P<alone>{STATUS})(?=\))
    |(?:^|with\s|\s-\s|:\s(?=[0-9]{{3}}\s-\s))(?P<beside>{STATUS}){AFTERWARDS}
    |(?=[frdcu])\b(?:failed|refused|rejected|denied|could\snot|cannot|unable)\b[^:\n]{{0,60}}:\s
        (?P<last>{STATUS})(?=[.]?$)
    |(?=[45])\b(?P<phrased>{STATUS})(?=\s(?:Bad|Unauthorized|Payment|Forbidden|Not\s|Method|Request|Conflict
        |Gone|Payload|Unprocessable|Too\sMany|Internal|Service|Gateway|Client\sError|Server\sError|Proxy)\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)


def show_codes(text: str) -> str:
    """The text with its codes as they were."""
    return text.translate(SHOW)


def hide(found: re.Match[str]) -> str:
    """The match with its last number out of reach."""
    number = next(filter(None, found.groups()))
    return f"{found[0][: -len(number)]}{number.translate(HIDE)}"
