"""One payment: its identifiers, its state, what may be commanded, and what is decided. Pure throughout."""
