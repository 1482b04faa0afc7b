"""The practice shop against recordings of the real one."""
