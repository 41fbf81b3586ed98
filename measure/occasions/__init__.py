"""The same people, or the same questions, more than once."""
