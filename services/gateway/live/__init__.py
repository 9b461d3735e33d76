"""Live events for WebSocket and Socket.IO clients."""
