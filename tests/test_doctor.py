"""What the doctor finds: broken builds, pairs that do not fit, missing folders; and that no finding can hang it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from evalkit.doctor import Finding, environment, known_bad, numbers, print_findings, probe, verdict

EXAMINE = """
import json, msgspec
from evalkit.doctor import examine, verdict
found = examine()
print(json.dumps({"findings": [msgspec.to_builtins(f) for f in found], "code": verdict(found)}))
"""


def test_an_import_that_works_says_nothing_is_wrong() -> None:
    assert probe("import json; print(json.dumps([1]))").output.strip() == "[1]"
    assert probe("import json").error == ""


def test_an_import_that_fails_is_reported_by_its_last_line() -> None:
    assert probe("import no_such_module_here").error == "ModuleNotFoundError: No module named 'no_such_module_here'"
    assert probe("import sys; sys.exit('pip install it')").error == "pip install it"


def test_a_crash_of_the_interpreter_is_a_finding_not_a_crash() -> None:
    assert probe("import os; os.kill(os.getpid(), 11)").error == "ended by signal 11"


def test_an_import_that_hangs_ends_at_the_deadline_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    start = time.monotonic()
    assert probe(code, deadline=3).error == "was not done after 3 seconds"
    assert time.monotonic() - start < 30
    child = Path(f"/proc/{mark.read_text()}/stat")
    for _ in range(100):
        if not child.exists() or child.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the process that the import started lives on")


def test_transformers_520_with_vllm_032_is_known_bad() -> None:
    bad = known_bad({"transformers": "5.20.0", "vllm": "0.32.0+cpu"})
    assert [(f.state, f.remedy) for f in bad] == [("bad", "pip install 'transformers<5.20'")]
    assert verdict(bad) == 1
    assert len(known_bad({"transformers": "6.0", "vllm": "0.32.1"})) == 1
    for fine in (
        {"transformers": "5.19.3", "vllm": "0.32.0"},
        {"transformers": "5.20.0", "vllm": "0.33.0"},
        {"transformers": "5.23.1"},
    ):
        assert not known_bad(fine)


def test_versions_are_compared_as_numbers() -> None:
    assert numbers("2.13.0+cpu") == (2, 13, 0)
    assert numbers("5.20rc1") == (5, 20)
    assert numbers("5.9") < numbers("5.19")


def test_the_environment_is_shown_and_a_missing_folder_is_bad(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    found = environment({"HF_HUB_OFFLINE": "1", "EVALKIT_PATH": f"{tmp_path}{os.pathsep}{gone}"})
    assert [(f.name, f.state) for f in found] == [
        ("HF_HUB_OFFLINE", "ok"), ("EVALKIT_PATH", "ok"), ("EVALKIT_PATH", "bad"),
    ]  # fmt: skip
    assert str(gone) in found[2].detail and found[2].remedy
    assert environment({"HF_HUB_OFFLINE": "0", "EVALKIT_PATH": ""}) == []


def test_the_verdict_forgives_what_is_absent() -> None:
    fine = Finding("packages", "vllm", "absent", "not installed", "pip install 'evalkit-lm[vllm]'")
    assert verdict([fine]) == 0
    assert verdict([fine, Finding("gpu", "torch", "bad", "sees none")]) == 1


def test_the_table_names_every_finding_and_its_remedy() -> None:
    console = Console(file=io.StringIO(), width=80)
    findings = [
        Finding("packages", "torch", "ok", "2.13.0"),
        Finding("packages", "x[red]", "bad", "cannot be imported: no operator", "pip uninstall x"),
    ]
    print_findings(console, findings)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("torch", "2.13.0", "x[red]", "no operator", "pip uninstall x", "1 thing is known to fail"):
        assert part in text


def examined(folder: Path, **environment: str) -> tuple[dict[tuple[str, str], dict[str, str]], int]:
    """The findings of a doctor in a process of its own, by area and name, and its verdict."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run([sys.executable, "-c", EXAMINE], env=env, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return {(f["area"], f["name"]): f for f in said["findings"]}, said["code"]


@pytest.mark.slow
def test_a_torchvision_that_does_not_fit_torch_is_found_and_so_is_a_gpu_that_torch_cannot_see(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    package = tmp_path / "site" / "torchvision"
    package.mkdir(parents=True)
    broken = "raise RuntimeError('operator torchvision::nms does not exist')\n"
    (package / "__init__.py").write_text(broken, encoding="utf-8")
    data = tmp_path / "site" / "torchvision-0.1.dist-info"
    data.mkdir()
    (data / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.1\n", encoding="utf-8")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB, 570.1'\n", encoding="utf-8")
    (programs / "nvidia-smi").chmod(0o755)
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    found, code = examined(
        tmp_path, PYTHONPATH=path, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
        EVALKIT_PATH=str(tmp_path), HF_HUB_OFFLINE="1",
    )  # fmt: skip
    assert code == 1
    vision = found["packages", "torchvision"]
    assert vision["state"] == "bad" and "nms does not exist" in vision["detail"]
    assert "pip uninstall torchvision" in vision["remedy"]
    assert found["packages", "torch"]["state"] == "ok"
    assert found["gpu", "driver"]["detail"] == "NVIDIA H200, 143771 MiB, 570.1"
    if not torch.cuda.is_available():
        assert found["gpu", "torch"]["state"] == "bad" and "sees none" in found["gpu", "torch"]["detail"]


@pytest.mark.slow
def test_a_machine_that_runs_the_suite_has_a_working_cpu_path(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    found, _ = examined(tmp_path)
    for engine in ("hf", "replay", "baseline"):
        assert found["engines", engine]["state"] == "ok", found["engines", engine]
    for name in ("cores", "memory", "disk"):
        assert found["machine", name]["state"] == "ok"
    assert found["packages", "math-verify"]["state"] == "ok"
