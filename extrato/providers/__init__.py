"""Those who move the money: one port, and an adapter for each of them."""
