"""Writes the OpenAPI and AsyncAPI documents, a JSON Schema of every event, and docs/errors.md from the contracts."""
