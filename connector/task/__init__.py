"""Durable work: records become tasks, tasks are delivered, whatever stops in between."""
