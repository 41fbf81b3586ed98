"""How precisely sums of answers measure."""
