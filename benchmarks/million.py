"""A million trivial requests through `replay` and `match`: memory that does not grow, a rate that does not fall.

    python benchmarks/million.py [--samples 1000000] [--profile cpu|memory] [--record]

Two runs in processes of their own, of 10,000 samples and of `--samples`, everything durable. Wall and peak memory are
of the whole run; the rate of each stretch of it is printed too, so that one can see what falls. `--profile` says
instead where the time or the memory of the large run goes (and makes it slower).
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from overhead import CATALOGUE, write
from record import Figure, add_option, record

SMALL = 10_000
MEMORY_MB = 1024
SHARE = 0.8
"""Of the rate at 10,000 that is wanted at a million."""
SHOWN = 30
"""Lines of a profile."""


def child(folder: Path, profile: str | None) -> None:
    """One run in this process; prints its figures as JSON."""
    import evalkit as ek
    from evalkit.observer import Silent, Stretch

    marks: list[tuple[str, float, float, int]] = []

    class Watch(Silent):
        def _mark(self, what: str) -> None:
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            marks.append((what, time.perf_counter(), time.process_time(), grown))

        def checking(self, task: str) -> None:
            self._mark("checking")

        def stretch(self, who: str, task: str, what: str, total: int) -> Stretch:
            self._mark(what)
            return self

    def run() -> Any:
        catalogue = ek.Catalogue([CATALOGUE])
        return ek.run(folder / "run.yaml", out=folder / "run", catalogue=catalogue, observer=watch)

    watch = Watch()
    watch._mark("before checking")
    result = _profiled(run, profile) if profile else run()
    watch._mark("")
    assert not result.errors
    stretches: list[dict[str, Any]] = [
        {"what": what, "seconds": end - start, "cpu": used - before, "rss_mb": grown / 1024}
        for (what, start, before, _), (_, end, used, grown) in pairwise(marks)
    ]
    seconds = sum(stretch["seconds"] for stretch in stretches)
    print("FOUND " + json.dumps({"seconds": seconds, "rss_mb": marks[-1][3] / 1024, "stretches": stretches}))


def _profiled(run: Callable[[], Any], profile: str) -> Any:
    """A run whose time or memory is written to standard error."""
    if profile == "cpu":
        profiler = cProfile.Profile()
        result = profiler.runcall(run)
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(SHOWN)
        return result
    tracemalloc.start(4)
    largest: list[tracemalloc.Snapshot] = []
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(2.0):
            now, _ = tracemalloc.get_traced_memory()
            if now > most * 1.1:
                most, largest[:] = now, [tracemalloc.take_snapshot()]

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    result = run()
    done.set()
    thread.join()
    print(f"{most / 2**20:.0f} MB traced where they were most:", file=sys.stderr)
    for line in (largest[0].statistics("lineno") if largest else [])[:SHOWN]:
        print(f"{line.size / 2**20:8.1f} MB  {line.count:>9,}  {line.traceback}", file=sys.stderr)
    return result


def measure(samples: int, profile: str | None = None) -> dict[str, Any]:
    """One run in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, samples)
        command = [sys.executable, __file__, "--child", name, *(["--profile", profile] if profile else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"the run of {samples:,} samples failed")
        line = next(line for line in done.stdout.splitlines() if line.startswith("FOUND "))
        found: dict[str, Any] = json.loads(line.removeprefix("FOUND "))
        found["db_mb"] = (folder / "run" / "run.db").stat().st_size / 2**20
        return found


def main() -> None:
    """Run both, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--profile", choices=("cpu", "memory"))
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    add_option(parser)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.profile)
        return
    if given.profile:
        measure(given.samples, given.profile)
        return
    measure(100)  # a warm-up, so that the byte code is there
    small, large = measure(SMALL), measure(given.samples)
    for samples, found in ((SMALL, small), (given.samples, large)):
        print(
            f"{samples:>9,} samples {found['seconds']:8.1f} s {samples / found['seconds']:8,.0f}/s"
            f" {found['rss_mb']:6.0f} MB, run.db {found['db_mb']:,.0f} MB"
        )
        for stretch in found["stretches"]:
            rate, each = samples / stretch["seconds"], stretch["cpu"] / samples * 1e6
            print(
                f"  {stretch['what']:<20} {stretch['seconds']:8.2f} s {rate:10,.0f}/s {stretch['rss_mb']:6.0f} MB"
                f" {each:6.0f} microseconds of processor time a sample"
            )
    slow, fast = (samples / found["seconds"] for samples, found in ((given.samples, large), (SMALL, small)))
    print(f"rate {slow / fast:.2f} of that at {SMALL:,}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if given.record:
        what = f"{given.samples:,} trivial requests, `replay` + `match`"
        record("million", [
            Figure(f"{what}: peak memory", f"{large['rss_mb']:.0f} MB", "1 GB", large["rss_mb"] < MEMORY_MB),
            Figure(f"{what}: rate against that at {SMALL:,}", f"{slow / fast:.2f} ({slow:,.0f}/s, {fast:,.0f}/s)",
                   f"{SHARE}", slow / fast >= SHARE),
        ])  # fmt: skip


if __name__ == "__main__":
    main()
