"""The staircase: the one place where the parts of a daemon meet."""
