"""A faithful simulated Mercado Pago: its API, its webhooks, a checkout page and a fault dial."""
