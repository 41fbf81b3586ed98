"""What the evidence of a run amounts to, held against the standards of the field."""
