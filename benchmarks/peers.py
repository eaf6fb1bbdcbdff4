"""lm-eval, Inspect and evalkit against one vLLM server, with the same questions on a few long corpora.

    python benchmarks/peers.py [--length 8000] [--corpora 8] [--questions 12] [--repeats 1] [--envs DIR] [--record]

Starts one vLLM server (the CPU build will do) whose prefix cache holds about two corpora, and runs each harness whole
against it, from the start of its process to its exit, with the questions once in shuffled order and once grouped by
corpus; before each run the cache is emptied. lm-eval and Inspect are installed in environments of their own. What the
server saw is compared: a harness that sent other prompts ends the benchmark; how many replies are equal is printed.
evalkit with vLLM in its own process is a row by itself, because it loads the model too. Run it with an interpreter that
has evalkit and vLLM.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harnesses import drive
from harnesses.drive import REPLY, Job, Way
from harnesses.environments import VERSIONS, default_folder
from harnesses.questions import Question, questions, write
from harnesses.server import Seen, Server
from record import Figure, add_option, record
from rich.console import Console
from rich.table import Table

ORDERS = ("shuffled", "grouped")
LIMIT = 1800  # seconds for one command
WARM = 2  # corpora and questions of the warm-up


class Found(NamedTuple):
    """One command, run."""

    wall: float
    """Seconds from start to exit."""
    serving: float
    """Seconds from the first request to the last reply, as the server saw it; 0 without the server."""
    tokens: int
    computed: int
    replies: dict[str, str]


def ways(length: int, environments: Path) -> list[Way]:
    """All of them, the server alone first."""
    return [
        drive.bare(leaders=False), drive.bare(leaders=True), drive.evalkit(length, served=True),
        drive.lm_eval(environments, chat=True), drive.lm_eval(environments, chat=False), drive.inspect(environments),
        drive.evalkit(length, served=False),
    ]  # fmt: skip


def measure(way: Way, rows: Path, asked: Sequence[Question], server: Server) -> Found:
    """Run one way on a cold cache. Ends the benchmark if it fails or asked anything else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = way.command(Job(rows, folder, server.url))
        environment = {
            **os.environ, "LOCAL_API_KEY": "none", "OPENAI_API_KEY": "none", "HF_HOME": str(rows.parent / "hf"),
            "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
        }  # fmt: skip
        before = server.begin()
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=LIMIT)
        wall = time.perf_counter() - begun
        if done.returncode:
            sys.exit(f"{way.name} failed (exit status {done.returncode}):\n{(done.stderr or done.stdout)[-3000:]}")
        replies = way.replies(folder)
        if not way.served:
            return Found(wall, 0.0, *drive.computed(folder), replies)
    seen = server.seen_since(before)
    check(way.name, seen, asked)
    if len(replies) != len(asked):
        sys.exit(f"{way.name} stored {len(replies)} replies to {len(asked)} questions")
    return Found(wall, seen.seconds, seen.tokens, seen.computed, replies)


def check(name: str, seen: Seen, asked: Sequence[Question]) -> None:
    """End the benchmark unless the server saw each question once, drawn alike, and nothing else."""
    if seen.drawing != [[REPLY, 0.0]]:
        sys.exit(f"{name} draws otherwise than {REPLY} tokens at temperature 0 (tokens, temperature: {seen.drawing})")
    found = Counter(seen.prompts)
    if found in [Counter(question.digests[kind] for question in asked) for kind in (0, 1)]:
        return
    known = {digest for question in asked for digest in question.digests}
    others = sum(count for prompt, count in found.items() if prompt not in known)
    sys.exit(
        f"{name} did not send the prompts of the others: {len(seen.prompts)} requests for {len(asked)} questions,"
        f" {others} of them with another text; its figures would not compare"
    )


def equal(found: Found, reference: Found) -> int:
    """Replies that are the reference's, spaces at their ends apart."""
    return sum(found.replies[name].strip() == text.strip() for name, text in reference.replies.items())


def middle(runs: Sequence[Found]) -> Found:
    """The run of median wall time."""
    wall = statistics.median_low(run.wall for run in runs)
    return next(run for run in runs if run.wall == wall)


def main() -> None:
    """Start the server, run everything, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=8000)
    parser.add_argument("--corpora", type=int, default=8)
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=1, help="of each command; the median counts")
    parser.add_argument("--envs", type=Path, default=default_folder(), help="where lm-eval and Inspect are installed")
    add_option(parser)
    given = parser.parse_args()
    all_ways = ways(given.length, given.envs)
    asked = questions(given.length, given.corpora, given.questions)
    runs: dict[tuple[str, str], list[Found]] = {}
    with tempfile.TemporaryDirectory() as name, Server(given.length) as server:
        folder = Path(name)
        files = write(asked, folder)
        few = questions(1000, WARM, WARM)
        (folder / "warm").mkdir()
        warm = write(few, folder / "warm")["grouped"]
        for way in all_ways:
            measure(way, warm, few, server)  # byte code, file cache; and a harness that does not work says so now
        for _ in range(given.repeats):
            for order in ORDERS:
                for way in all_ways:
                    one = measure(way, files[order], asked, server)
                    runs.setdefault((way.name, order), []).append(one)
                    print(f"{way.name}, {order}: {one.wall:.1f} s", file=sys.stderr)
    found = {place: middle(several) for place, several in runs.items()}
    show(found)
    if given.record:
        sizes = [f"--{k}={getattr(given, k)}" for k in ("length", "corpora", "questions", "repeats")]
        record("peers", figures(found, given.length, given.corpora), arguments=sizes, versions=VERSIONS)


def best_order(found: dict[tuple[str, str], Found]) -> Found:
    """The server alone where it was done soonest."""
    return min((each for (name, _), each in found.items() if name.startswith("bare")), key=lambda each: each.serving)


def wanted(name: str, order: str) -> float | None:
    """How many times evalkit's time a peer's command shall take at least; None for what is no peer."""
    if name.startswith("lm-eval"):
        return 3.0
    if name == "Inspect":
        return 5.0 if order == "shuffled" else 1.0
    return None


def show(found: dict[tuple[str, str], Found]) -> None:
    """Print all of it."""
    best = best_order(found)
    table = Table(
        "way", "input", "wall s", "against evalkit, http", "asking s", "prompt tokens computed", "replies equal",
        title=f"{best.tokens:,} prompt tokens; replies against the bare server's", title_justify="left",
    )  # fmt: skip
    for (name, order), each in found.items():
        ratio = f"{each.wall / found['evalkit, http', order].wall:.2f}x"
        serving = f"{each.serving:.1f}" if each.serving else "-"
        same = f"{equal(each, best)} of {len(best.replies)}"
        table.add_row(name, order, f"{each.wall:.1f}", ratio, serving, f"{each.computed:,}", same)
    console = Console(width=130)
    console.print(table)
    console.print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def figures(found: dict[tuple[str, str], Found], length: int, corpora: int) -> list[Figure]:
    """The lines of the documentation's table."""
    best = best_order(found)
    what = f"one vLLM server, {corpora} corpora of {length} tokens, {len(best.replies)} questions"
    lines = []
    for (name, order), theirs in found.items():
        least = wanted(name, order)
        if least is None:
            continue
        ours = found["evalkit, http", order]
        lines.append(
            Figure(
                f"{what}, {order}: whole command of {name} against evalkit's",
                f"{theirs.wall / ours.wall:.1f}x ({theirs.wall:.1f} s, {ours.wall:.1f} s; prompt tokens computed"
                f" {theirs.computed:,}, {ours.computed:,})",
                f"{least:g}x", theirs.wall / ours.wall >= least,
            )
        )  # fmt: skip
    for order in ORDERS:
        ours = found["evalkit, http", order]
        ratio = ours.serving / best.serving
        lines.append(
            Figure(
                f"{what}, {order}: asking, evalkit against the bare server in its best order",
                f"{ratio:.2f}x ({ours.serving:.1f} s, {best.serving:.1f} s)", "1.05x", ratio <= 1.05,
            )
        )  # fmt: skip
        own = found["evalkit, vllm in its process", order]
        lines.append(
            Figure(
                f"{what}, {order}: evalkit with vLLM in its own process, loading included",
                f"{own.wall:.1f} s, {own.computed:,} prompt tokens computed",
            )
        )
    return lines


if __name__ == "__main__":
    main()
