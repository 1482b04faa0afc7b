"""What is kept: tasks and their attempts, cursors, stored values; in SQLite or PostgreSQL."""
