"""What needs a person, and who is told of it: conditions, messages, and the webhooks they go to."""
