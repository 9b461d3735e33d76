"""Asks providers about open payments, by the clock, and finishes what was left half done."""
