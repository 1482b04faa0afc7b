"""Regular expressions as PHP writes them: between two marks, with letters behind that change their meaning."""

import re

_DELIMITED = re.compile(r"(?P<mark>[^\w\s\\])(?P<pattern>.*)(?P=mark)(?P<flags>[imsux]*)\Z", re.DOTALL | re.ASCII)


def matches(expression: str, text: str) -> bool:
    """Say whether an expression such as ``/^[0-9]+$/`` is found in a text; one that is not well-formed never is."""
    found = _DELIMITED.match(expression)
    if not found:
        return False
    flags = re.RegexFlag(0)
    for letter, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL), ("x", re.VERBOSE)):
        flags |= flag if letter in found["flags"] else 0
    if "u" not in found["flags"]:
        flags |= re.ASCII
    try:
        return re.search(found["pattern"], text, flags) is not None
    except re.error:
        return False
