"""Seeded repeated work, and what bootstraps make of it."""
