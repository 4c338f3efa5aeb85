"""What a policy of one's own would have brought, from the ledger: read once, shown as text or as JSON."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from replyloop_assets.errors import ReplyloopError
from replyloop_assets.learning.evaluation.ledger import Log, as_log, evaluate_policy
from replyloop_assets.settings import Settings
from replyloop_assets.text import plain
from replyloop_assets.warehouse.frames import read_frame
from replyloop_assets.warehouse.queries import read_sql

UNIFORM, ALLOCATION = "uniform", "allocation"
EXAMPLE = "write it as arm=0.9,other=0.1, as a JSON file of the same, or as uniform or allocation"
NAMED = 20  # arms listed in a sentence
Policy = dict[str, float]


def evaluate_dimension(
    engine: sa.Engine, settings: Settings, dimension: str, policy: str, days: int, now: datetime
) -> dict[str, Any]:
    """Everything `replyloop evaluate` says.

    Raises:
        ReplyloopError: there is no such dimension, no such arm, no policy, or nothing to evaluate it on.
    """
    dimensions = settings.allocation.dimensions
    if dimension not in dimensions:
        raise ReplyloopError(f"{plain(dimension)} is no dimension: take one of {', '.join(dimensions)}.")
    with engine.connect() as connection:
        entries = read_frame(
            connection,
            read_sql("stages/policy_evaluation"),
            {
                "dimensions": [dimension],
                "first_day": now.date() - timedelta(days=days - 1),
                "day": now.date(),
            },
        )
        rows = connection.execute(sa.text(read_sql("reports/shares")), {"dimension": dimension})
        shares = {row.value: float(row.probability) for row in rows}
    log = as_log(entries)
    wanted = read_policy(policy, log, shares)
    if not len(log.y):
        raise ReplyloopError(
            f"The ledger holds no decision on {dimension} of the last {days} days whose outcome is known: "
            "let the bot take its decisions from claim_next, record what came of them, and run replyloop "
            "materialize."
        )
    if unknown := sorted(set(wanted) - {*log.arms, *shares}):
        known = sorted({*log.arms, *shares})
        listed = ", ".join(map(plain, known[:NAMED])) + (", …" if len(known) > NAMED else "")
        raise ReplyloopError(f"{plain(unknown[0])} is no arm of {dimension}: there are {listed}.")
    found, verdict, reason = evaluate_policy(log, wanted, settings.evaluation)
    figures = {name: float(value) for name, value in found._asdict().items()}
    return {
        "dimension": dimension,
        "policy": wanted,
        "days": days,
        "as_of": now,
        **{name: value if isfinite(value) else None for name, value in figures.items()},
        "replies": len(log.y),
        "verdict": verdict,
        "reason": reason,
    }


def read_policy(text: str, log: Log, shares: Policy) -> Policy:
    """A policy as it was typed: probabilities by arm, which sum to 1.

    Raises:
        ReplyloopError: it cannot be read, or is no distribution; the sentence says why.
    """
    if text == UNIFORM:
        return {arm: 1 / len(log.arms) for arm in log.arms}
    if text == ALLOCATION:
        if not shares:
            raise ReplyloopError(
                "There is no live allocation of this dimension yet: replyloop materialize makes one."
            )
        return {arm: share / sum(shares.values()) for arm, share in shares.items()}
    given = read_shares(text)
    for arm, share in given.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ReplyloopError(
                f"The probability of {plain(arm)}, {plain(share)}, is no number from 0 to 1: correct it."
            )
    total = sum(given.values())
    if abs(total - 1) > 1e-6:
        raise ReplyloopError(f"The probabilities sum to {total:.6g}, not to 1: correct them.")
    return given


def read_shares(text: str) -> dict[str, Any]:
    """What a file, or a list of arm=probability, says of each arm."""
    if is_file(text):
        try:
            given = json.loads(Path(text).read_text("utf-8"), object_pairs_hook=each_once)
        except (OSError, ValueError, RecursionError):
            given = None
        nested = isinstance(given, dict) and any(isinstance(part, dict | list) for part in given.values())
        if not isinstance(given, dict) or not given or nested:
            raise ReplyloopError(
                f"{plain(text, 500)} is no JSON object of arms and probabilities: {EXAMPLE}."
            )
        return given
    pairs = []
    for part in text.split(","):
        arm, equals, share = part.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = None
        if not equals or not arm.strip() or number is None:
            raise ReplyloopError(f"{plain(text, 500)} is neither a file nor a policy: {EXAMPLE}.")
        pairs.append((arm.strip(), number))
    return each_once(pairs)


def is_file(text: str) -> bool:
    """Whether this names a file; a list of arms may be longer than any name."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The shares by arm.

    Raises:
        ReplyloopError: an arm has two.
    """
    given: dict[str, Any] = {}
    for arm, share in pairs:
        if arm in given:
            raise ReplyloopError(f"{plain(arm)} stands twice in the policy: name each arm once.")
        given[arm] = share
    return given


def render_evaluation(answer: dict[str, Any]) -> str:
    """The answer for a person."""
    policy = ", ".join(f"{plain(arm)} {100 * share:.4g}%" for arm, share in answer["policy"].items())
    lines = [
        f"{answer['dimension']}: {policy}",
        f"  {answer['replies']} replies of the last {answer['days']} days, "
        f"as informative as {answer['ess']:.0f} of this policy's own",
    ]
    if answer["ratio"] is not None:
        lines += [
            f"  followers per reply           {answer['value']:.2f}, as logged {answer['logged']:.2f}",
            f"  times what was logged         {answer['ratio']:.3f} "
            f"({answer['low']:.3f} to {answer['high']:.3f})",
        ]
    return "\n".join([*lines, plain(answer["reason"], None)])
