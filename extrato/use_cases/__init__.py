"""The use cases of the hub, one module each; every route and job calls one of them."""
