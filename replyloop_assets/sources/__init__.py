"""The outside: files and responses of X and of bots, checked at the border."""
