"""What the provider knows and keeps, and what all other rooms stand on."""
