"""One contract for the store, over both databases."""
