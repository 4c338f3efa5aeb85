"""When the loop turns and when it reacts."""
