"""Whether groups may be compared, and what it amounts to where they may not quite."""
