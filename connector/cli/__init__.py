"""The `connector` command: what a person types, and what they read on their terminal."""
