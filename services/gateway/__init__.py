"""The hub's HTTP service: REST routes, webhooks, pages, WebSocket and Socket.IO."""
