"""Which generator writes the reply to an account."""
