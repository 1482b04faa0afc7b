"""Shaping records without I/O: values with templates, paths, and the steps of a `transform` list."""
