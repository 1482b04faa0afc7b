"""`connector validate`: check a configuration, open nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector.cli.exits import FAILED, OK
from connector.cli.invocation import Invocation, shared_options
from connector.cli.screen import count, count_faults
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.app.project import Project

EPILOG = """\b
Examples:
  connector validate configs/
  connector validate shop.yaml --output json
"""


@click.command(epilog=EPILOG)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@shared_options
@click.pass_obj
def command(invocation: Invocation, path: Path | None) -> int:
    """Check a configuration and report every fault in it.

    PATH is a YAML file or a folder of them. Nothing is opened and nobody is called: names, keys, values, templates and
    paths are checked, in all files at once. Faults go to standard error as file:line:column: where: what.
    """
    if path is not None:
        invocation.config = path
    try:
        project = invocation.load_project()
    except ConfigError as error:
        if not invocation.is_json:
            raise
        invocation.screen.show_json(
            {"faults": [asdict(fault) for fault in error.faults], "warnings": [], "counts": None}
        )
        invocation.screen.tell(f"error: {count_faults(error.faults)}")
        return FAILED
    counts = _count(project)
    if invocation.is_json:
        warnings = [asdict(warning) for warning in project.warnings]
        invocation.screen.show_json({"faults": [], "warnings": warnings, "counts": counts})
        return OK
    for warning in project.warnings:
        invocation.screen.tell(f"warning: {warning}")
    files = count(len(project.document.files), "file")
    invocation.screen.show(f"{project.document.name}: no faults in {files}")
    for kind, number in counts.items():
        invocation.screen.show(f"  {kind:<9} {number}")
    return OK


def _count(project: Project) -> dict[str, int]:
    return {
        "clients": len(project.clients),
        "incoming": len(project.incoming),
        "outgoing": len(project.outgoing),
        "routes": len(project.routes),
        **({"alerts": len(project.alerts)} if project.alerts else {}),
    }
