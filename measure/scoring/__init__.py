"""What a person's answers say about the factors."""
