"""What the data say: the sample moments that a model is compared with."""
