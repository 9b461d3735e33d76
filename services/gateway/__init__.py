"""The hub's front door: REST, webhooks in, pages and WebSocket."""
