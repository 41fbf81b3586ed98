"""What a fit is worth: tests, indices, residuals, and comparisons with other models."""
