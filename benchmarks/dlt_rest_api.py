"""The same records taken in by dlt: its rest_api source, written as JSON lines by its filesystem destination.

    DLT_VENV/bin/python benchmarks/dlt_rest_api.py URL FOLDER

Needs `dlt[filesystem]`, in an environment of its own; `benchmarks/ingest.py --dlt DLT_VENV` runs it. No field is
computed here, and nothing is kept of how far it has read. All is left as dlt has it by default, which compresses the
files: without that it takes a third less.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
from dlt.sources.rest_api import rest_api_source


def main(url: str, folder: Path) -> None:
    """Run one pipeline, with its working folder and its files under a folder of the caller's."""
    source = rest_api_source(
        {
            "client": {"base_url": url},
            "resources": [
                {
                    "name": "orders",
                    "endpoint": {
                        "path": "orders",
                        "method": "POST",
                        "json": {"page": 1},
                        "data_selector": "orders",
                        "paginator": {
                            "type": "page_number",
                            "base_page": 1,
                            "page_body_path": "page",
                            "total_path": None,
                            "stop_after_empty_page": True,
                        },
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "orders",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=(folder / "out").as_uri()),
        dataset_name="orders",
    )
    pipeline.run(source, loader_file_format="jsonl")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
