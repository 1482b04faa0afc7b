"""Pages of `docs/reference/`, written from the code and data they describe.

`python -m connector.reference docs/reference` writes them all; tests say when one is out of date. Nothing imports
this package at run time.
"""
