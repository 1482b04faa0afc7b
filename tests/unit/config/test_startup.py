"""What reading and checking a configuration loads: `connector validate` has a budget."""

import subprocess
import sys

HEAVY = ("httpx", "pydantic_settings", "structlog", "aiohttp", "rich", "jinja2", "dotenv", "jsonpath_ng")
PROGRAM = """
import sys
import connector.config.check, connector.config.describe, connector.config.document
import connector.config.options, connector.config.origin
print([name for name in sys.argv[1:] if name in sys.modules])
"""


def test_nothing_heavy_is_imported():
    """Reading, checking and describing load YAML and pydantic, and no run-time library."""
    result = subprocess.run([sys.executable, "-c", PROGRAM, *HEAVY], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
