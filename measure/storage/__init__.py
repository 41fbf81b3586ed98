"""Answers that are larger than memory, read a batch of rows at a time."""
