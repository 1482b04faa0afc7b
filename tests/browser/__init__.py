"""The dashboard in a real browser, over a whole service on the practice shop."""
