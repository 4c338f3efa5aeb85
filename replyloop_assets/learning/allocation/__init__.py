"""How effort is shared among the arms of a family, by what they brought day by day."""
