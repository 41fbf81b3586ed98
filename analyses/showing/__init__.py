"""The dashboard: its pages, what is uploaded to it, and what it computes in the background.

Every number comes from a published section, and every word from the catalogue.
"""
