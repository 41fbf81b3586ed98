"""What single items are judged by, and how it is shown."""
