"""Extract factors from correlations, and turn them."""
