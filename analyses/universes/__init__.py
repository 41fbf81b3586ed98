"""The same questions asked by every combination of choices that can be defended."""
