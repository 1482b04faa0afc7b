"""One module a command; each is imported when its command is used, and holds it under the name `command`."""
