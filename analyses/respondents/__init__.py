"""Who answered, and how: gaps, attention, careless answering, representativeness."""
