"""Writes what can be read without Python: OpenAPI, AsyncAPI, a JSON Schema of every event, and docs/errors.md."""
