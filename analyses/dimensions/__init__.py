"""How many factors the answers suggest, and whether they have the model's pattern."""
