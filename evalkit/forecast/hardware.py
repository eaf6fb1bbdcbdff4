"""What forecasts are made for: memory, bandwidth and arithmetic of an accelerator, with the source of each figure.

Memory is what the driver reports, in GiB (a little less than the number on the box, or more: an H200 of "141 GB" has
140 GiB). Arithmetic is dense bf16, without sparsity. A CPU is taken as so many cores with two 256-bit
multiply-add units each at 2.5 GHz in float32, and two channels of DDR4-3200: an order of magnitude, no more.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import msgspec

from evalkit.errors import ConfigError, nearest

GIB = 1 << 30
_CORE_FLOPS = 2.5e9 * 2 * 8 * 2
_CPU_BANDWIDTH = 2 * 25.6e9


class Hardware(msgspec.Struct, frozen=True):
    """One accelerator, or the CPU of a machine."""

    name: str
    memory: int
    """Bytes that the driver reports."""
    bandwidth: float
    """Bytes a second from its memory."""
    flops: float
    """Dense bf16 operations a second; float32 on a CPU."""
    source: str
    accelerator: bool = True


def _gpu(name: str, gib: float, terabytes: float, teraflops: float, source: str) -> Hardware:
    return Hardware(name, int(gib * GIB), terabytes * 1e12, teraflops * 1e12, source)


TABLE = {
    h.name: h
    for h in (
        _gpu("h200", 140.4, 4.8, 989.4, "NVIDIA H200 data sheet, SXM"),
        _gpu("h100", 79.6, 3.35, 989.4, "NVIDIA H100 data sheet, SXM5 80 GB"),
        _gpu("a100-80", 80.0, 2.039, 312.0, "NVIDIA A100 data sheet, SXM4 80 GB"),
        _gpu("a100-40", 40.0, 1.555, 312.0, "NVIDIA A100 data sheet, SXM4 40 GB"),
        _gpu("l40s", 45.0, 0.864, 362.05, "NVIDIA L40S data sheet"),
        _gpu("a10g", 22.5, 0.6, 70.0, "NVIDIA A10G data sheet"),
        _gpu("rtx4090", 24.0, 1.008, 165.2, "NVIDIA Ada architecture white paper, FP32 accumulation"),
        _gpu("b200", 179.1, 8.0, 2250.0, "NVIDIA HGX B200 data sheet, an eighth of the board"),
        _gpu("mi300x", 192.0, 5.3, 1307.4, "AMD Instinct MI300X data sheet"),
    )
}
"""By the name that `--gpu` takes."""


def hardware(name: str | None) -> Hardware:
    """The accelerator of this name; None: what this machine has. Raises ConfigError for an unknown name."""
    if name is None:
        return here()
    if name == "cpu":
        return cpu()
    if name not in TABLE:
        raise ConfigError(f"--gpu: no accelerator {name!r} in the forecast's table{nearest(name, [*TABLE, 'cpu'])}")
    return TABLE[name]


def cpu(cores: int | None = None) -> Hardware:
    """This machine's CPU, or so many cores of it."""
    found = cores or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    source = f"assumed: {found} cores of 80 GFLOP/s in float32, 51.2 GB/s together"
    return Hardware("cpu", memory, _CPU_BANDWIDTH, found * _CORE_FLOPS, source, accelerator=False)


def here() -> Hardware:
    """The first GPU that the driver names, if the table has it; else the CPU. No GPU package is imported."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return cpu()
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return cpu()
    return recognised(*lines[0].rsplit(",", 1)) if lines and "," in lines[0] else cpu()


def recognised(name: str, mebibytes: str) -> Hardware:
    """A GPU by the name and memory its driver gives. Raises ConfigError where the table has none like it."""
    words = name.lower().replace("-", " ").split()
    for known in TABLE.values():
        model, _, size = known.name.partition("-")
        plain = "".join(words)
        if (model in words or model in plain) and (not size or abs(float(mebibytes) / 1024 - float(size)) < 8):
            return known
    raise ConfigError(f"this machine's GPU {name.strip()!r} is not in the forecast's table: name one with --gpu"
                      f" ({', '.join(TABLE)}, cpu)")


__all__ = ["TABLE", "Hardware", "cpu", "hardware", "here", "recognised"]
