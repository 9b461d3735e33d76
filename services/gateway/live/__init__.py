"""Events as they happen, to sockets."""
