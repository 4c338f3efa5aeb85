"""Control against treatment: when a look decides, what the lift is, and whether the test is sound."""
