"""How many factors, and which items belong together."""
