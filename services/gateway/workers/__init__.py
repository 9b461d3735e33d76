"""What works beside the requests: questions to providers, webhooks, pictures, looks at what the gateway stands on."""
