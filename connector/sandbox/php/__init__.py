"""The habits of PHP 8.2 that a caller of the shop can see: casts, comparisons, forms, text and notices.

An array of PHP is a ``dict`` whose keys are ``int`` or ``str`` in order of insertion; ``null`` is ``None``. Nothing
here knows of shops.
"""
