"""Decisions, as pure functions on small frames and arrays.

No Dagster, no database, no clock, no global random state, and nothing of the other rooms. Each module
holds the settings of its rule with the seed's numbers as defaults, and says where they come from.
"""
