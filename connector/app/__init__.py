"""Checked documents become components here, and nowhere else."""
