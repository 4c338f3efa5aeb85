"""Errors of known shape: templates as real programs print them, their variable parts drawn at random.

`templates.txt` is what the folding was tuned on; `held_out.txt` was written at the same time and only
measured. A line is a shape; `{slot}` stands for what varies.
"""

import base64
import random
import re
import string
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
SKEW = 1.0  # Zipf's exponent: the first shape is as frequent as the rest of its decade together
SYLLABLES = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "il", "os")]
SPELL = random.Random(11)
WORDS = sorted({"".join(SPELL.choices(SYLLABLES, k=SPELL.choice((2, 2, 3)))) for _ in range(400)})
NAMES, TOPICS = WORDS[::2], WORDS[1::2]
START = datetime(2026, 3, 1, tzinfo=UTC)


class Agreement(NamedTuple):
    """Over pairs of events: of those put together, the part rightly so; of those alike, the part found."""

    precision: float
    recall: float


def letters(draw: random.Random, alphabet: str, length: int) -> str:
    return "".join(draw.choices(alphabet, k=length))


def moment(draw: random.Random) -> datetime:
    return START + timedelta(milliseconds=draw.randrange(10**10))


def user(draw: random.Random) -> str:
    """A user name: half of them without a digit."""
    name = draw.choice(NAMES)
    return draw.choice(
        (name, name.title(), f"{name}_{draw.choice(TOPICS)}", f"{name}{draw.randrange(1, 2000)}")
    )


def host(draw: random.Random) -> str:
    role, name = draw.choice(("db", "cache", "node", "worker")), draw.choice(NAMES)
    return draw.choice(
        (f"{role}-{name}", f"{role}-{draw.randrange(64)}", f"{role}{draw.randrange(64)}.{name}.internal")
    )


def domain(draw: random.Random) -> str:
    return (
        f"{draw.choice(('www.', 'api.', '', 'cdn.'))}{draw.choice(NAMES)}.{draw.choice(('com', 'io', 'org'))}"
    )


def slug(draw: random.Random) -> str:
    return "-".join(draw.sample(TOPICS, 2))


def home(draw: random.Random) -> str:
    return draw.choice(
        (f"/home/{draw.choice(NAMES)}/app", "/app", f"/Users/{draw.choice(NAMES)}/src/bot", "/srv/bot")
    )


def duration(draw: random.Random) -> str:
    n = draw.randrange(1, 60)
    return draw.choice((f"{n}s", f"{n}.{n}s", f"{n * 13}ms", f"{n}m {n}s", f"{n} seconds", f"{n} minutes"))


def route(draw: random.Random) -> str:
    return f"/v{draw.randrange(1, 3)}/{draw.choice(TOPICS)}/{draw.randrange(10**6)}?page={draw.randrange(99)}"


SLOTS: dict[str, Callable[[random.Random], object]] = {
    "n": lambda draw: int(10 ** draw.uniform(0, 6)),
    "small": lambda draw: draw.randrange(1, 21),
    "pct": lambda draw: draw.randrange(50, 101),
    "ms": lambda draw: draw.choice((1000, 5000, 10000, 15000, 30000, 60000)),
    "float": lambda draw: round(draw.uniform(0, 99), draw.randrange(1, 4)),
    "dur": duration,
    "size": lambda draw: f"{round(draw.uniform(1, 900), 1)}{draw.choice((' KB', ' MB', 'Mi', 'Ki', ' GB'))}",
    "id": lambda draw: draw.randrange(17 * 10**17, 2 * 10**18),
    "epoch": lambda draw: int(moment(draw).timestamp()),
    "uuid": lambda draw: "-".join(letters(draw, "0123456789abcdef", k) for k in (8, 4, 4, 4, 12)),
    "hex": lambda draw: letters(draw, "0123456789abcdef", draw.choice((24, 32, 40))),
    "hex16": lambda draw: letters(draw, "0123456789abcdef", 16),
    "hex12": lambda draw: letters(draw, "0123456789abcdef", 12),
    "hex8": lambda draw: letters(draw, "0123456789abcdef", 8),
    "hex4": lambda draw: letters(draw, "0123456789abcdef", 4),
    "hex2": lambda draw: letters(draw, "0123456789abcdef", 2),
    "addr": lambda draw: "0x" + letters(draw, "0123456789abcdef", 12),
    "b36": lambda draw: letters(draw, string.ascii_lowercase + string.digits, 10),
    "b5": lambda draw: letters(draw, string.ascii_lowercase + string.digits, 5),
    "b62": lambda draw: letters(draw, string.ascii_letters + string.digits, 24),
    "token": lambda draw: base64.b64encode(draw.randbytes(draw.choice((18, 24, 30)))).decode(),
    "ip": lambda draw: ".".join(str(draw.randrange(1, 255)) for _ in range(4)),
    "port": lambda draw: draw.choice((80, 443, 5432, 6379, 8080, draw.randrange(1024, 65536))),
    "iso": lambda draw: moment(draw).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "ts": lambda draw: f"{moment(draw):%Y-%m-%d %H:%M:%S.%f}+00",
    "date": lambda draw: f"{moment(draw):%Y-%m-%d}",
    "http_date": lambda draw: f"{moment(draw):%a, %d %b %Y %H:%M:%S} GMT",
    "user": user,
    "name": lambda draw: draw.choice(NAMES),
    "word": lambda draw: draw.choice(TOPICS),
    "host": host,
    "domain": domain,
    "email": lambda draw: f"{user(draw)}@{domain(draw)}",
    "slug": slug,
    "url": lambda draw: (
        f"https://{domain(draw)}/{draw.choice(TOPICS)}/{slug(draw)}?id={draw.randrange(10**6)}"
    ),
    "route": route,
    "home": home,
    "tmp": lambda draw: f"/tmp/{draw.choice(TOPICS)}-{letters(draw, string.ascii_letters, 6)}",
    "path": lambda draw: f"/var/data/{draw.choice(TOPICS)}/{slug(draw)}.csv",
    "char": lambda draw: draw.choice("<oNIsP日"),
    "tweet": lambda draw: " ".join(draw.choices(TOPICS, k=draw.randrange(4, 20))),
}


def templates(name: str) -> list[str]:
    """The shapes of a file, in their order."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n") for line in lines]


def write(template: str, draw: random.Random) -> str:
    """One message of a shape."""
    text = re.sub(r"(?<!\{)\{(\w+)\}(?!\})", lambda slot: str(SLOTS[slot[1]](draw)), template)
    return text.replace("{{", "{").replace("}}", "}")


def draw_errors(shapes: Sequence[str], count: int, seed: int) -> list[tuple[int, str]]:
    """So many events, each with the number of its shape; every shape comes once at least."""
    draw = random.Random(seed)
    weights = [1 / (rank + 1) ** SKEW for rank in range(len(shapes))]
    draw.shuffle(weights)
    chosen = [*range(len(shapes)), *draw.choices(range(len(shapes)), weights, k=count - len(shapes))]
    draw.shuffle(chosen)
    return [(shape, write(shapes[shape], draw)) for shape in chosen]


def agreement(truth: Sequence[Hashable], found: Sequence[Hashable]) -> Agreement:
    """How well a grouping agrees with the true one."""
    both, alike, together = (
        sum(n * (n - 1) / 2 for n in Counter(pairs).values())
        for pairs in (zip(truth, found, strict=True), truth, found)
    )
    return Agreement(both / together, both / alike)
