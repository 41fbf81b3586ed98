"""The ledger of hypotheses: what was expected, what was found, and the verdict on each."""
