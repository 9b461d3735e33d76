"""Starts the programs of `extrato up`, watches them, and ends them."""
