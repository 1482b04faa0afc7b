"""Doubles for tests of this package and of what its users build on it."""
