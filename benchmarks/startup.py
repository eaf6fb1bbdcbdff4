"""How long a user waits for the command line: whole processes, medians, as a ratio to typer and rich alone.

    python benchmarks/startup.py [--repeats 7]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c 'import typer, rich'": ["-c", "import typer, rich"],
    "evalkit --help": ["-m", "evalkit.cli", "--help"],
    "evalkit list": ["-m", "evalkit.cli", "list"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Run them in turn, so that a busy moment hits all alike."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(repeats + 1):
        for name, arguments in COMMANDS.items():
            found[name].append(seconds(arguments))
    base = statistics.median(next(iter(found.values()))[1:])
    for name, values in found.items():
        median = statistics.median(values[1:])  # the first one warms the file cache
        print(f"{name:32} {median:6.3f} s {median / base:6.2f}x")


if __name__ == "__main__":
    main()
