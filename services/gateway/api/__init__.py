"""The REST handlers, which merchants' backends, banks and providers call."""
