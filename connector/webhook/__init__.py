"""Webhooks: what one declares, who may call it, and how a body becomes records. No store, no HTTP server."""
