"""One file for each read model, and the list of them."""
