"""The table of accelerators, and what a machine is recognised as."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.forecast.hardware import GIB, TABLE, cpu, hardware, recognised


def test_every_accelerator_names_the_source_of_its_figures() -> None:
    wanted = {"h200", "h100", "a100-80", "a100-40", "l40s", "a10g", "rtx4090", "b200", "mi300x"}
    assert set(TABLE) == wanted
    for name, found in TABLE.items():
        assert found.name == name and len(found.source) > 10
        assert 20 * GIB < found.memory < 200 * GIB
        assert 50 < found.flops / found.bandwidth < 500  # operations for each byte: no slip of a power of ten


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no accelerator 'h20'.*did you mean 'h200'"):
        hardware("h20")


@pytest.mark.parametrize(
    ("driver", "mebibytes", "name"),
    [
        ("NVIDIA H200", "143771", "h200"),
        ("NVIDIA H100 80GB HBM3", "81559", "h100"),
        ("NVIDIA A100-SXM4-80GB", "81920", "a100-80"),
        ("NVIDIA A100-SXM4-40GB", "40960", "a100-40"),
        ("NVIDIA L40S", "46068", "l40s"),
        ("NVIDIA A10G", "23028", "a10g"),
        ("NVIDIA GeForce RTX 4090", "24564", "rtx4090"),
        ("NVIDIA B200", "183359", "b200"),
    ],
)
def test_a_gpu_is_recognised_by_what_its_driver_says(driver: str, mebibytes: str, name: str) -> None:
    found = recognised(driver, mebibytes)
    assert found.name == name
    assert found.memory / 2**20 == pytest.approx(float(mebibytes), rel=0.01)


def test_a_gpu_that_is_not_in_the_table_is_said_so() -> None:
    with pytest.raises(ConfigError, match=r"'NVIDIA T4' \(15360 MiB\) is not in the forecast's table: name one with"):
        recognised("NVIDIA T4", "15360")


@pytest.mark.parametrize(
    ("driver", "mebibytes", "near"),
    [
        ("NVIDIA H100 PCIe", "81559", "h100"),
        ("NVIDIA H100 NVL", "95830", "h100"),
        ("NVIDIA H200 NVL", "143771", "h200"),
        ("NVIDIA GH200 480GB", "97871", "h200"),
        ("NVIDIA GB200", "189471", "b200"),
        ("NVIDIA A100 80GB PCIe", "81920", "a100-80"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "16376", "rtx4090"),
        ("NVIDIA GeForce RTX 4090", "49140", "rtx4090"),
        ("NVIDIA H200", "[N/A]", "h200"),
    ],
)
def test_a_gpu_of_nearly_a_known_name_is_not_taken_for_it(driver: str, mebibytes: str, near: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        recognised(driver, mebibytes)
    table = f"{near} ({TABLE[near].memory >> 20} MiB; {TABLE[near].source})"
    for said in (repr(driver), table, "name one with --gpu"):
        assert said in str(refusal.value)


def test_without_a_driver_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hardware(None).name == "cpu"
    assert cpu(4).flops == 2 * cpu(2).flops


def test_the_driver_is_asked_where_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hardware(None).name == "h100"
