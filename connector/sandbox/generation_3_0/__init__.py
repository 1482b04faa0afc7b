"""OpenCart 3.0, as version 3.0.5.1 on PHP 8.2 answers."""
