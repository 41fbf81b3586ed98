"""Which groups may be compared, and what they are then compared by."""
