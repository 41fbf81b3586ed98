"""From a table of parameters and answers to a finished fit."""
