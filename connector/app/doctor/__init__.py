"""What is wrong between this machine and a shop: small checks over what was observed, and the calls they look at."""
