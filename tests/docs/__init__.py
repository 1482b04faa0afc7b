"""What the documentation says, held against the code: pages, links, configurations, transcripts, Python."""
