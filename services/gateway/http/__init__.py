"""Reading requests and writing responses: bodies, credentials, limits, CORS, connections."""
