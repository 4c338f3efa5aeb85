"""The line of an error that tells what happened: of a traceback, of a browser's log, of a JSON body."""

import re

from replyloop_assets.learning.incidents.bodies import join_body, unwrap

LONGEST = 1000  # characters that are looked at, so that no text can cost more
CUT = "[...]"  # the line that SQL's `both_ends` puts where a long message loses its middle
# Python shows what an exception group holds behind bars, each with a line of its number above
BARS = re.compile(r"^ +\| ?")
FRAME = re.compile(r'^[ \t|]+File "', re.MULTILINE)
PART = re.compile(r"^ +\+[-+]{2,40} [0-9]{1,6} -+$", re.MULTILINE)
HEADER = re.compile(r"(?:Exception Group )?Traceback \(")
# Node shows first where an uncaught error was thrown, with a caret under the place
SOURCE = re.compile(r"(?:node:|file:|internal/|\[|[A-Za-z]:\\|\.{0,2}/)\S*:[0-9]+$")
CARET = re.compile(r"\s*[\^~]+\s*$")
THROWN = re.compile(r"(?:Uncaught )?[\w.]{0,200}(?:Error|Exception)\b")
COMMAND = re.compile(r"\bCommand failed\b")
INVALID = re.compile(r"\b[0-9]+ validation errors? for \w")
BELOW = re.compile(r"waiting for .*|\[cause\]: .*")  # what a browser missed; why it failed


def telling_line(message: str) -> str:
    """The line, at most `LONGEST` characters of it; empty where there is nothing but white space."""
    lines = [line for line in message.splitlines() if line.strip()]
    if not lines:
        return ""
    place = 0
    if FRAME.search(message) or PART.search(message):
        place = raised(lines)
    elif SOURCE.match(lines[0]):
        place = thrown(lines)
    line = BARS.sub("", join_body(lines[place:])).strip()
    if more := told_below(line, lines[place + 1 :]):
        line = f"{line} {more}"
    return unwrap(line[:LONGEST])


def raised(lines: list[str]) -> int:
    """Where a Python traceback has the exception: after the last frame the first line not indented.

    Of a group it is the last one in it. Where a cut has taken it, there is the one before, or what looks
    like one.
    """
    found, follows = None, False
    for place, line in enumerate(BARS.sub("", line) for line in lines):
        if FRAME.match(line) or PART.match(line):
            follows = True
        elif line == CUT:
            follows = False
        elif follows and not line[:1].isspace() and not HEADER.match(line):
            found, follows = place, False
    if found is not None:
        return found
    return next(
        (place for place in reversed(range(len(lines))) if THROWN.match(lines[place])), len(lines) - 1
    )


def thrown(lines: list[str]) -> int:
    """Where Node has an uncaught error: under the caret, or else the first line that looks like one."""
    after_caret = (n for n, line in enumerate(lines[:-1], start=1) if CARET.match(line))
    looks_so = (n for n, line in enumerate(lines) if n and THROWN.match(line))
    return next(after_caret, next(looks_so, 0))


def told_below(line: str, below: list[str]) -> str:
    """What the lines below add to what happened."""
    if COMMAND.search(line):
        return next((more for more in map(str.strip, below) if THROWN.match(more)), "")
    if INVALID.search(line):  # the first field, and what is wrong with it
        return re.split(r" [\[(]type=", " ".join(map(str.strip, below[:2])))[0]
    found = BELOW.search("\n".join(below))
    return found[0] if found else ""
