"""The stages, one module each. STAGES is the lineage order, in its one place; errors stand beside it."""

from replyloop_assets.assets import (
    classified_opportunities,
    daily_rollup,
    error_analysis,
    experiment_results,
    generator_preferences,
    health_status,
    outside,
    pivots,
    policy_evaluation,
    reply_opportunities,
    reply_outcomes,
    reply_performance_analytics,
    search_plan,
    strategy_allocation,
)

SOURCE = reply_opportunities
STAGE_MODULES = (
    classified_opportunities,
    reply_outcomes,
    daily_rollup,
    reply_performance_analytics,
    generator_preferences,
    strategy_allocation,
    policy_evaluation,
    search_plan,
    experiment_results,
    health_status,
    error_analysis,
)
STAGES = tuple(module.STAGE for module in STAGE_MODULES)
# How many days of facts that may come late a stage's day rests on, through everything upstream of it.
REACH: dict[str, int] = {}
for _stage in (stage for stage in STAGES if stage is not error_analysis.STAGE):
    _reads = [read for read in _stage.reads if read.days > 0 and not read.traced]
    REACH[_stage.name] = max([_stage.fact_days, *(read.days + REACH[read.stage] - 1 for read in _reads)])
ASSETS = [
    *outside.ASSETS,
    SOURCE.asset,
    *(module.asset for module in STAGE_MODULES),
    pivots.asset,
]
