"""A learning loop for reply bots: a Dagster asset graph on PostgreSQL that decides and never posts."""

import warnings

# Single-run backfills and observable assets are beta in Dagster 1.13; its version is pinned exactly.
warnings.filterwarnings("ignore", message=".*is currently in (beta|preview).*")
