"""The rules of the field, pure: no I/O, no clock, no randomness."""
