"""What a reply of each arm brings: the posterior of its mean and an interval, from sums alone."""
