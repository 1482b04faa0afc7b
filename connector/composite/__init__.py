"""Entities made of several calls: decided here, one call after another, sent elsewhere."""
