"""One payment: its identifiers, state, commands and decisions. Pure throughout."""
