"""The commands of the command line, a file for each group; `analyses.cli` binds them together."""
