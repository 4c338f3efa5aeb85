"""How other policies are judged from the log."""

from replyloop_assets.learning.fields import Component, count, days, share


class EvaluationSettings(Component):
    """How sure and how rich an answer about another policy must be."""

    window_days: int = days(60, "How far back the log is read.")
    cap_quantile: float = share(0.99, "Where followers are capped, as a quantile; 1 does not cap.", gt=0)
    confidence: float = share(0.95, "The confidence of an interval.", ge=0.5, lt=1)
    least_effective: int = count(
        300, "How many replies of its own a policy's answer must be worth.", "replies", least=0
    )
