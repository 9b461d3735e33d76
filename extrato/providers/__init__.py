"""The providers: one port, and an adapter for each provider."""
