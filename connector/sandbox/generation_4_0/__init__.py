"""OpenCart 4.0, as version 4.0.2.3 on PHP 8.2 answers."""
