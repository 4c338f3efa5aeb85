"""The `replyloop` command: what a person types, and how the answers are said."""
