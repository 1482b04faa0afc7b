"""The service over HTTP: pushes and webhooks, the JSON API, the dashboard, metrics. Needs the extra `server`."""
