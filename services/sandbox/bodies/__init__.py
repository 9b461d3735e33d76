"""What the provider shows of a payment, an order or a preference."""
