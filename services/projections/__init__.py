"""Makes read models of the log, and rebuilds them."""
