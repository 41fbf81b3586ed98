"""Persons within groups."""
