"""One call as YAML declares it: its steps, its payloads, its pages and its records."""
