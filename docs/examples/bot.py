"""A bot in Python: it harvests, claims, hands over, and tells. Run it every few minutes.

    python bot.py postgresql://my_bot:…@host/replyloop

The four stubs at the top are yours to write. None of them, and nothing in replyloop, posts to X.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from replyloop_assets.client import Claim, Loop


def search_posts(query: str) -> list[dict[str, str | int]]:
    """Posts that match, as your harvester finds them: here always the same two."""
    return [
        {
            "tweet_id": "1990000000000000001",
            "username": "NASA",
            "likes": 42_000,
            "replies": 130,
            "minutes": 45,
        },
        {"tweet_id": "1990000000000000002", "username": "WHO", "likes": 12_000, "replies": 80, "minutes": 90},
    ]


def write_reply(claim: Claim) -> str:
    """The reply, by the generator and in the format that were drawn."""
    return f"[{claim.generator}, {claim.arms.get('format', 'any format')}] A thought on what you found."


def hand_over(claim: Claim, text: str) -> str | None:
    """Give the reply to a person or a permitted account; the id of what was posted, None if nothing was."""
    print(f"To @{claim.target_username}: {text}")
    return str(int(claim.tweet_id) + 1_000)


def read_counts(tweet_id: str) -> dict[str, int]:
    """What a reply has brought so far, in total."""
    return {"followers_gained": 3, "likes": 12, "impressions": 900, "profile_clicks": 14}


def replies_to_measure() -> Iterator[str]:
    """Your replies of the last two days: a bot remembers them."""
    yield "1990000000000001001"


def harvest(loop: Loop) -> None:
    """Search as the plan says (before there is one, as you like) and tell what was found."""
    queries = [search.api_query for search in loop.read_search_plan()] or ["(space OR health) -is:reply"]
    for query in queries:
        for post in search_posts(query):
            told = loop.record_opportunity(
                str(post["tweet_id"]),
                str(post["username"]),
                like_count=int(post["likes"]),
                reply_count=int(post["replies"]),
                posted_minutes_ago=int(post["minutes"]),
                search_query=query,
            )
            print(f"Post {post['tweet_id']}: {told.status} {told.reason or ''}")


def answer(loop: Loop) -> None:
    """Claim, write, hand over, and tell what was posted. What was not comes back to the queue by itself."""
    for claim in loop.claim_next(3, claimed_by="bot.py"):
        print(claim.reason)
        text = write_reply(claim)
        tweet_id = hand_over(claim, text)
        if tweet_id is not None:
            loop.record_reply(claim.decision_id, tweet_id, content=text)


def measure(loop: Loop) -> None:
    """Tell how the replies fare."""
    for tweet_id in replies_to_measure():
        told = loop.record_metrics(tweet_id, datetime.now(UTC), **read_counts(tweet_id))
        print(f"Reply {tweet_id}: {told.status}, feedback {told.feedback or 'none yet'}")


def main(url: str) -> None:
    """One round. A step that fails is told, and the others go on."""
    with Loop(url) as loop:
        for step in (harvest, answer, measure):
            try:
                step(loop)
            except Exception as error:
                loop.record_error(step.__name__, f"{type(error).__name__}: {error}")
                print(f"{step.__name__} failed: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
