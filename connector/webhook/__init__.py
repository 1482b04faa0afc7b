"""Records that other systems send by themselves: who may send them, and how a body becomes records."""
