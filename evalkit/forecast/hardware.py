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
DRIVERS = {
    "h200": "h200",
    "h100 80gb hbm3": "h100",
    "a100 sxm4 80gb": "a100-80",
    "a100 sxm 80gb": "a100-80",
    "a100 sxm4 40gb": "a100-40",
    "l40s": "l40s",
    "a10g": "a10g",
    "geforce rtx 4090": "rtx4090",
    "b200": "b200",
}
"""Names that NVIDIA's driver gives to these very boards. PCIe and NVL boards, laptops' chips and superchips have other
figures under names that are nearly the same, so nothing but the whole name counts."""
SIZES_APART = 0.1  # share by which a board's memory may differ from the table's before it is another board


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
    """A GPU by the name and memory its driver gives. Raises ConfigError where the table has not that very one."""
    found = TABLE.get(DRIVERS.get(_plain(name), ""))
    size = mebibytes.strip()
    if found and size.isdigit() and abs(int(size) * 2**20 / found.memory - 1) < SIZES_APART:
        return found
    near = [f"{h.name} ({h.memory >> 20} MiB; {h.source})" for h in TABLE.values() if _resembles(name, h)]
    but = f", only {' and '.join(near)}" if near else ""
    raise ConfigError(f"this machine's GPU {name.strip()!r} ({size} MiB) is not in the forecast's"
                      f" table{but}: name one with --gpu ({', '.join(TABLE)}, cpu)")


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("-", " ").split()).removeprefix("nvidia ")


def _resembles(name: str, known: Hardware) -> bool:
    """Whether a driver's name holds that of a known model: `H100 PCIe` and `GB200` do, of h100 and b200."""
    return known.name.partition("-")[0] in _plain(name).replace(" ", "")


__all__ = ["TABLE", "Hardware", "cpu", "hardware", "here", "recognised"]
