"""The webhooks of the simulated provider: which, to whom, in which format, and how often."""
