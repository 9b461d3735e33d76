"""Starts the programs of `extrato up`, restarts them after a crash, and stops them."""
