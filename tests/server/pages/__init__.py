"""The dashboard, asked in memory."""
