"""The line of an error that tells what happened: of a traceback, of a browser's log, of a JSON body."""

import re

LONGEST = 1000  # characters that are looked at, so that no text can cost more
BODY = re.compile(r"\{\s*[\"']")
TEXT_OF = re.compile(
    r"""["'](?:message|msg|title|detail|error|reason|description|type|code|selector)["']\s*:\s*"""
    r"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')"""
)
FRAME = re.compile(r'^[ \t]+File "', re.MULTILINE)
WAITING = re.compile(r"waiting for .*")


def telling_line(message: str) -> str:
    """The line, at most `LONGEST` characters of it; empty where there is nothing but white space."""
    lines = [line for line in message.splitlines() if line.strip()]
    if not lines:
        return ""
    line = lines[0]
    if FRAME.search(message):
        line = raised(lines)
    elif len(lines) > 1 and (waited := WAITING.search("\n".join(lines[1:]))):
        line = f"{line} {waited[0]}"  # a browser says in its log what it missed
    return unwrap(line.strip()[:LONGEST])


def raised(lines: list[str]) -> str:
    """Of a Python traceback the exception: what stands after the last frame, no longer indented."""
    frames = [n for n, line in enumerate(lines) if FRAME.match(line)]
    return next((line for line in lines[frames[-1] + 1 :] if not line[0].isspace()), lines[-1])


def unwrap(line: str) -> str:
    """A body in JSON, or Python's notation, gives way to the texts in it that tell something."""
    body = BODY.search(line)
    if not body:
        return line
    end = line.rfind("}") + 1
    end = end if end > body.start() else len(line)
    texts = dict.fromkeys(double or single for double, single in TEXT_OF.findall(line, body.start(), end))
    said = "; ".join(filter(None, texts)) or "<json>"
    return f"{line[: body.start()]}{said}{line[end:]}"
