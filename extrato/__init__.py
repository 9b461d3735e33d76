"""Extrato: a payment hub for Brazilian merchants that keeps every fact as an event."""
