"""Studies that are planned: what is taken of the population, and what each claim asks of it."""
