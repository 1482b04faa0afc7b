"""The shop itself: what it sells, its tables and the rules every generation of the API shares."""
