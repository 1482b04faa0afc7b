"""Access to remote systems: HTTP, sessions, and how each generation speaks."""
