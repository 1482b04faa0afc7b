"""Records that other systems send in: webhooks under `/hooks`, and pushes to one route."""
