"""How long a user waits for the command line: whole processes, the fastest of several, beside typer and rich alone.

    python benchmarks/startup.py [--repeats 10] [--record]

The fastest, because whatever else the machine does can only add to it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from record import Figure, add_option, record

COMMANDS = {
    "python -c 'import typer, rich'": ["-c", "import typer, rich"],
    "evalkit --help": ["-m", "evalkit.cli", "--help"],
    "evalkit list": ["-m", "evalkit.cli", "list"],
    "evalkit show quickstart": ["-m", "evalkit.cli", "show", "quickstart"],
}
LIMIT = 0.5
"""Seconds in which `evalkit list` must answer on an idle machine."""
HELP_RATIO = 2.5
"""Most times what the command-line libraries alone take."""


def seconds(arguments: list[str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Run them in turn, so that a busy moment hits all alike."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=10)
    add_option(parser)
    given = parser.parse_args()
    repeats = given.repeats
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(repeats + 1):
        for name, arguments in COMMANDS.items():
            found[name].append(seconds(arguments))
    base = min(next(iter(found.values()))[1:])
    print(f"{'':32} {'min':>7} {'median':>9} {'ratio':>7}")
    for name, values in found.items():
        fastest, median = min(values[1:]), statistics.median(values[1:])  # the first one warms the file cache
        print(f"{name:32} {fastest:6.3f}s {median:8.3f}s {fastest / base:6.2f}x")
    listed, ratio = min(found["evalkit list"][1:]), min(found["evalkit --help"][1:]) / base
    if given.record:
        against = '`evalkit --help` against `python -c "import typer, rich"`'
        record("startup", [
            Figure(against, f"{ratio:.2f}x", f"{HELP_RATIO}x", ratio <= HELP_RATIO),
            Figure("`evalkit list`", f"{listed:.2f} s", f"{LIMIT} s", listed <= LIMIT),
        ])  # fmt: skip
    if listed > LIMIT:
        sys.exit(f"evalkit list takes longer than {LIMIT} s")


if __name__ == "__main__":
    main()
