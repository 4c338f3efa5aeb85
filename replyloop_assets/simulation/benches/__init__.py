"""Decisions measured where the truth is known: no database, the very functions that the assets call."""
