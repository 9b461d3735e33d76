"""The pages for payers: checkout, ticket and front page."""
