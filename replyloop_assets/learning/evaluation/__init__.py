"""What a policy that was never played would have brought."""
