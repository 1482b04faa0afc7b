"""How long a command takes to start, against `import httpx` in the same run.

    python benchmarks/startup.py

Budget: `connector --help` and `connector validate configs/` within 0.30 / 0.18 of importing httpx.
"""

from __future__ import annotations

import compileall
import sys
from pathlib import Path

from measure import alternate, median

ROOT = Path(__file__).parent.parent
CONNECTOR = str(Path(sys.executable).parent / "connector")
BUDGET = 0.30 / 0.18


def main() -> None:
    """Print medians and ratios of ten runs in turn."""
    compileall.compile_dir(ROOT / "connector", quiet=1)  # as an installer does; else what was edited is compiled anew
    floor, help_, validate = alternate(
        10,
        [sys.executable, "-c", "import httpx"],
        [CONNECTOR, "--help"],
        [CONNECTOR, "validate", str(ROOT / "configs")],
    )
    unit_s = median(floor, "wall_s")
    print(f"{'import httpx':<24} {unit_s:.3f} s")
    for name, costs in (("connector --help", help_), ("connector validate", validate)):
        wall_s = median(costs, "wall_s")
        print(f"{name:<24} {wall_s:.3f} s  {wall_s / unit_s:.2f} x (budget {BUDGET:.2f} x)")


if __name__ == "__main__":
    main()
