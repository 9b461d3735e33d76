"""The programs of the hub; none imports another."""
