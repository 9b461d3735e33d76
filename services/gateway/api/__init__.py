"""The REST interface: a merchant's backend, a bank and a provider speak to these handlers."""
