"""Whether single items work alike for groups that are alike."""
