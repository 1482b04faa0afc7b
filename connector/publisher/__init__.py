"""Sending records out."""
