"""What kind of trouble an error is: ordered rules on its fingerprint, the first that fits."""

import re

OTHER = "other"
LONGEST = 60  # characters of a category
UNFIT = re.compile(r"[^a-z0-9]+")
# The narrow before the wide: what is refused for its number is no network trouble, and a database's
# timeout is the database's.
WORDS = {
    "rate_limit": r"""
        (?:\b|_|(?-i:(?=R)))rate.?limit|too many requests|\b429\b|throttl|quota(?![bt])|usage ?cap\b
        overloaded|slow ?down|daily (?:status )?(?:update )?limit|limit reached|resource_?exhausted""",
    "content_policy": r"""
        content.?(?:policy|filter)|moderation|safety|duplicate content|status is a duplicate
        looks like it might be automated|characters, more than""",
    "authentication": r"""
        unauthori[sz]ed|authenticat|forbidden|\b40[137]\b|permi(?:ssion|tted)|access ?denied|\beacces\b
        not authorized|invalid.?(?:grant|client|token|api.?key)|expired token|token .{0,80}expired
        \bjwt\b|\bcsrf\b|\blog(?:ged)? (?:in|out)\b(?! ?[/<])|\blogin\b|session .{0,20}expired|captcha
        suspended|row-level security""",
    "resource": r"""
        out of (?:shared )?memory|\boom|\bheap\b|memoryerror|no space left|\benospc\b|\bemfile\b
        too many open files|too many clients|connection slots|disk .{0,80}full
        sigkill|exit(?:ed)? (?:with )?code 137|evicted
        unable to allocate|memory alloc|maxmemory|pool .{0,80}(?:exhausted|reached)""",
    "database": r"""
        \bsql|relation "|column "|constraint|deadlock|serializ\w{1,9} access|statement|psycopg|postgres|\bpg_
        transaction|database|redis(?!t)|supabase|pgrst|mongo|invalid input syntax|\block on\b|value too long
        replication|activerecord""",
    "timeout": r"time(?:d)?.?out|deadline.?exceeded|etimedout|aborted after|\b504\b|took too long|overran",
    "not_found": r"""
        (?<!e)not.?found|\b404\b|\b410\b|enoent|no such|does not exist|doesn't exist|could not find
        cannot find|couldn't find|no longer|missing\b""",
    "network": r"""
        econn|ehost|enotfound|eai_again|epipe|eproto|socket|connect|\bdns|\bhost\b|resolve|gaierror
        \bssl|(?-i:SSL)|\btls|certificate|network|net::|proxy|unavailable|\b5[0-9]{2}\b|broken pipe
        (?<!dis)(?<!en)closed|webhook|upstream|hang up|fetch failed""",
    "parsing": r"""
        json|(?<!s)pars(?:e|ing)|unexpected (?:token|end)|decode|encode|syntaxerror|invalid literal|malformed
        not well-formed|xml|csv|(?<!in)validation|does not match format|convert|unprocessable|\b422\b|\b400\b
        is no number""",
    "code": r"""
        (?:type|reference|range|key|attribute|index|value|assertion|recursion|zerodivision)error
        (?:runtime|import|nomethod|nullpointer)(?:error|exception)|cannot read propert|undefined|panic
        is not a function|nonetype|segmentation|invariant|unhandled|nil pointer""",
    "configuration": r"config|environment variable|feature flag|not set\b|unknown timezone",
}
RULES = {
    name: re.compile("|".join(line.strip() for line in words.strip().splitlines()), re.IGNORECASE)
    for name, words in WORDS.items()
}


def categorise(fingerprint: str) -> str:
    """The category of an error that brings none of its own."""
    return next((name for name, rule in RULES.items() if rule.search(fingerprint)), OTHER)


def own_category(told: str | None) -> str | None:
    """The category that an event names, in small letters with underscores; None where it names none."""
    return UNFIT.sub("_", (told or "").lower()).strip("_")[:LONGEST] or None
