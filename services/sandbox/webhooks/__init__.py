"""What the provider tells a merchant of, signed, and how often it tries."""
