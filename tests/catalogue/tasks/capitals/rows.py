"""Reading the rows, in a module of its own: a catalogue folder may have siblings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """One row a line."""
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
