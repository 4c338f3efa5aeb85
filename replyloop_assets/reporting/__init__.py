"""What a person looks at: the status, and what the Dagster UI shows."""
