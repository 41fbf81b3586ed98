"""Rows in clusters: what a two-level model needs of them, by the sizes of the clusters."""
