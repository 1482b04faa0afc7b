"""The JSON API under `/api/v1`: all that a person does with the dashboard or the command line, for programs."""
