"""What a report amounts to for people who decide: said once here, and only set by the writers."""
