"""Routes: records of one incoming, shaped, into one outgoing."""
