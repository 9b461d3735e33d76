"""What a payer sees in a browser."""
