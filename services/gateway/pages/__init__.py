"""The pages for payers, in Portuguese."""
