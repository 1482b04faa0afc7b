"""How each generation of OpenCart speaks."""
