"""Moments of ordered answers at two levels, by limited information.

An answer is a latent response y* = b + e cut at thresholds, with b normal between clusters and e
normal within them; e has the variance 1, which sets the unit of everything (Asparouhov & Muthén
2007). `random_intercept` estimates the thresholds and the variance of b of one item, `pair_search`
the correlation within and the covariance between clusters of two items with those held, both by
numerical integration over `lattice`; `two_step` does so for all items and says how each cluster
moves the statistics.
"""
