"""What a run rested on, whether it comes out the same again, and how two runs differ."""
