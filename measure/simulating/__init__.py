"""Data from a model that is known."""
