"""Linear models with random effects of nested and crossed levels."""
