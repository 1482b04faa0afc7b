"""OpenCart 2.3, as version 2.3.0.2 on PHP 8.2 answers.

Its API is that of 3.0 but for sessions, and 3.0's code plays it: here is only what differs.
"""
