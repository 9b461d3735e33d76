"""What runs beside the requests: calls to providers, webhooks, QR pictures, readiness probes."""
