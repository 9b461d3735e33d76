"""Polls providers about open payments, and completes work that a crash or an outage interrupted."""
