"""One side of a comparison in a process of its own: it prints its figures as one line, and they come back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

MARK = "FOUND "


def tell(found: Mapping[str, Any]) -> None:
    """In the child: print the figures."""
    print(MARK + json.dumps(found))


def measured(arguments: list[str], *, cache_gb: int) -> dict[str, Any]:
    """Run this script again with other arguments, on vLLM with a cache of so many GB; ends here if it fails."""
    command = [sys.executable, sys.argv[0], *arguments]
    env = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": str(cache_gb)}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        sys.exit(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(lines[0].removeprefix(MARK))
    return found


__all__ = ["measured", "tell"]
