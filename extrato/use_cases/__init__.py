"""What the hub can do; every door ends in one of these files."""
