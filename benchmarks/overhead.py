"""What the harness itself costs: replayed answers, a rule for a grader, everything durable.

Measures whole processes: samples a second and memory a sample at 1,000 and 10,000 trivial samples, and the size of
`run.db` and the memory of 1,000 samples that share one context of 500,000 characters.

    python benchmarks/overhead.py [--json] [--record]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import Figure, add_option, record

CATALOGUE = Path(__file__).resolve().parent.parent / "tests" / "catalogue"
CONFIG = """
name: overhead
tasks:
  - task: capitals/one
    options: {{data: {folder}/rows.jsonl, preamble: "{preamble}"}}
    graders: [match]
candidates:
  - {{name: replayed, engine: replay, model: {folder}/replies.jsonl}}
"""


def write(folder: Path, samples: int, preamble: str = "") -> None:
    """Rows, replies and a run file for so many samples."""
    with (folder / "rows.jsonl").open("w") as rows, (folder / "replies.jsonl").open("w") as replies:
        for i in range(samples):
            rows.write(json.dumps({"id": f"c{i}", "country": f"Land{i}", "capital": f"City{i}"}) + "\n")
            replies.write(json.dumps({"id": f"c{i}", "text": f"City{i}" if i % 3 else "Nowhere"}) + "\n")
    (folder / "run.yaml").write_text(CONFIG.format(folder=folder, preamble=preamble))


def child(folder: Path) -> None:
    """One run in a process of its own; prints seconds of the run and peak memory."""
    import evalkit as ek

    catalogue = ek.Catalogue([CATALOGUE])
    start = time.perf_counter()
    run = ek.run(folder / "run.yaml", out=folder / "run", catalogue=catalogue)
    seconds = time.perf_counter() - start
    assert run.progress() and not run.errors
    print(json.dumps({"seconds": seconds, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def measure(samples: int, preamble: str = "") -> dict[str, float]:
    """Seconds, peak memory and size of the database of one run in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, samples, preamble)
        command = [sys.executable, __file__, "--child", name]
        found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        found["db_kb"] = (folder / "run" / "run.db").stat().st_size / 1024
        return found


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    add_option(parser)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    import zstandard

    words = [f"word{i}" for i in range(5000)]
    context = " ".join(random.Random(0).choices(words, k=59_000))[:500_000]
    compressed = len(zstandard.ZstdCompressor(level=3).compress(context.encode())) / 1024
    measure(100)  # a warm-up, so that the byte code is there
    small, large, shared = measure(1000), measure(10_000), measure(1000, context)
    figures = {
        "cores": os.cpu_count(),
        "samples_per_second": 10_000 / large["seconds"],
        "kb_rss_per_sample": (large["rss_mb"] - small["rss_mb"]) * 1024 / 9000,
        "rss_mb_10k": large["rss_mb"],
        "shared_context_db_kb": shared["db_kb"],
        "shared_context_bound_kb": 2 * compressed + 1000,
        "shared_context_rss_mb": shared["rss_mb"],
    }
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:26} {value:12,.2f}")
    if arguments.record:
        record("overhead", lines(figures))


def lines(found: dict[str, Any]) -> list[Figure]:
    """The lines of the documentation's table."""
    rate, each = found["samples_per_second"], found["kb_rss_per_sample"]
    size, bound = found["shared_context_db_kb"], found["shared_context_bound_kb"]
    memory = found["shared_context_rss_mb"]
    what = "1,000 samples that share 500,000 characters"
    return [
        Figure("samples a second, `replay` + `match`, everything durable, 10,000 samples", f"{rate:,.0f}", "3,000",
               rate >= 3000),
        Figure("memory a sample, 10,000 against 1,000 samples", f"{each:.1f} KB", "2 KB", each <= 2),
        Figure(f"`run.db` of {what}", f"{size:,.0f} KB (bound {bound:,.0f} KB)",
               "2x the compressed context + 1 KB a sample", size <= bound),
        Figure(f"memory of {what}", f"{memory:.0f} MB", "300 MB", memory <= 300),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
