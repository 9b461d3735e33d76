"""What a payer meets in a browser, in Portuguese."""
