"""OpenCart 4.1, as version 4.1.0.4 on PHP 8.2 answers: no log-in, every request signed, the whole order in each."""
