"""Mercado Pago: what the hub asks of it, in its words."""
