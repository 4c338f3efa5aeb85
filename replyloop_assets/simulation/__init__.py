"""Synthetic life with known truth."""
