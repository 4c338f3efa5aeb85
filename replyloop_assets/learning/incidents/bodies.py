"""The texts of a JSON body, or one in Python's notation, that tell what happened."""

import re

BODY = re.compile(r"\{\s*[\"']")
TELLS = (
    r"\w{0,30}?(?:message|msg|title|details?|error|reason|description|cause|type|selector|code|status|errno)"
    r"|err\w{0,20}|param|path|loc"
)
FIELD = re.compile(
    rf"""
    ["'](?P<key>{TELLS})["']\s*:\s*
    (?:
        "(?P<double>(?:[^"\\]|\\.)*)"
        |'(?P<single>(?:[^'\\]|\\.)*)'
        |\[(?P<list>[^\[\]{{}}]{{1,200}})\]
        |(?P<number>-?[0-9]{{1,5}})(?![\w.])
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
NUMBERED = re.compile("code|status|errno", re.IGNORECASE)
PATH = re.compile("path|loc", re.IGNORECASE)  # as a text, an address that was asked for
BETWEEN = re.compile(r"[\s\"',]+")


def join_body(lines: list[str]) -> str:
    """The first line, with a body that it opens and the next ones hold."""
    opens = lines[0].rstrip()[-1] in "[{" and lines[1:] and lines[1].lstrip()[0] in "{}\"'"
    return " ".join(map(str.strip, lines)) if opens else lines[0]


def unwrap(line: str) -> str:
    """A body gives way to the texts in it that tell something."""
    body = BODY.search(line)
    if not body:
        return line
    end = line.rfind("}") + 1
    end = end if end > body.start() else len(line)
    texts = dict.fromkeys(map(text_of, FIELD.finditer(line, body.start(), end)))
    said = "; ".join(filter(None, texts)) or "<json>"
    return f"{line[: body.start()]}{said}{line[end:]}"


def text_of(field: re.Match[str]) -> str:
    """What a field says; empty if it says nothing of what happened."""
    if field["list"]:
        return BETWEEN.sub(".", field["list"]).strip(".")
    if field["number"]:
        return f"{field['key']} {field['number']}" if NUMBERED.search(field["key"]) else ""
    return "" if PATH.fullmatch(field["key"]) else field["double"] or field["single"] or ""
