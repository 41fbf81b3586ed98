"""What the waves of a survey say, and how it is shown."""
