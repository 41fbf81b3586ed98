"""Answers drawn from a stated population: people, latent variables, answers, careless ones, truth.

`draw.draw` gives them, `truth.truth` says what an analysis should find, `files.write` writes both.
"""
