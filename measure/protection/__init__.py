"""What has to stay hidden in tables so that nobody can be known by what is shown."""
