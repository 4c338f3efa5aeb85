"""How other policies are judged from the log."""

from replyloop_assets.learning.fields import Component, days, setting, share


class EvaluationSettings(Component):
    """How sure and how rich an answer about another policy must be."""

    window_days: int = days(60, "How far back the log is read.")
    cap_quantile: float = share(0.99, "Where followers are capped, as a quantile; 1 does not cap.", gt=0)
    confidence: float = share(0.95, "The confidence of an interval.", ge=0.5, lt=1)
    widest: float = setting(
        4, "How many times as high as its lower end an interval may reach.", "a factor", gt=1, le=1000
    )
