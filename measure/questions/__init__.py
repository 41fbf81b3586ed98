"""Single items: how they behave, what they say beside each other, which may go."""
