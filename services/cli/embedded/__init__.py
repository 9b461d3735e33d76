"""Private servers below the hub's home, for a machine that has none."""
