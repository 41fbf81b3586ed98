"""One writer for each format; a writer lays out what was published and computes nothing."""
