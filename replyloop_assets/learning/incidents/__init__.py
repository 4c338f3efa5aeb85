"""What goes wrong: errors told apart by what they say, how often they come, and which grow."""
