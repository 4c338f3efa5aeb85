"""The edges: views of fixed names and types, through which the loop reads and writes the bot's tables."""
