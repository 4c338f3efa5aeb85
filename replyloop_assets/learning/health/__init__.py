"""Is it still working: since when not, where, and what has fallen silent."""
