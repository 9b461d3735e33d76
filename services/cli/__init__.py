"""The command line: runs the hub on one machine, and administers one that runs."""
