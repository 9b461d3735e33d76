"""The JSON of payments, orders and preferences in the provider's answers."""
