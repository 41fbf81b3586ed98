"""What model is asked for: model text and options, read into the table of parameters."""
