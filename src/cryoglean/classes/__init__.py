"""2D class averages of a run's own particles, and what they teach about its candidates."""
