"""A PostgreSQL server of our own: its programs, its life, and one that is thrown away."""
