"""The doors of the service: who calls, what they may, and what is let through at all."""
