"""Values written as YAML, for people to copy."""

from __future__ import annotations

import io
from typing import Any


def write_yaml(value: Any) -> list[str]:
    """Return a JSON value as lines of YAML in block style; text that would be read as something else is quoted."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - start-up: few commands write any

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # the library declares None
    yaml.width = 100
    stream = io.StringIO()
    yaml.dump(value, stream)
    return [line for line in stream.getvalue().splitlines() if line != "..."]
