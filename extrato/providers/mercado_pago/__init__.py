"""The adapter of Mercado Pago."""
