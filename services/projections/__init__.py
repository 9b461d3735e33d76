"""Makes read models of the log, and makes them anew."""
