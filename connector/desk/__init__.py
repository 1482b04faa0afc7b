"""What a person sees of an installation and does to it, by whichever door: command line, API or dashboard."""
