"""The records and the settings of the simulated provider; all other packages build on them."""
