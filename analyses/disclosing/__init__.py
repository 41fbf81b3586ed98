"""What is hidden so that nobody can be known, worked out over all that is published together."""
