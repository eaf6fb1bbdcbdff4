"""What is installed: every folder of the catalogue, light imports, one list of public names."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import evalkit

REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = (
    "torch", "transformers", "vllm", "ray", "datasets", "pandas", "sympy", "statsmodels", "altair", "pyarrow", "scipy",
)


def folders(root: str) -> set[str]:
    top = REPOSITORY / root
    found = {p.parent for p in top.rglob("*.py")}
    return {".".join(p.relative_to(REPOSITORY).parts) for p in found}


def test_every_package_of_the_repository_is_in_the_distribution() -> None:
    setup = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]
    expected = folders("evalkit") | {f"evalkit.{f}" for root in ("tasks", "graders", "configs") for f in folders(root)}
    assert set(setup["packages"]) == expected


def test_no_top_level_tasks_or_graders_are_installed() -> None:
    script = "import importlib.util as u; print([n for n in ('tasks', 'graders', 'configs') if u.find_spec(n)])"
    found = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert found.stdout.strip() == "[]"


def test_the_public_names_are_all_there_and_sorted() -> None:
    assert list(evalkit.__all__) == sorted(set(evalkit.__all__))
    for name in sorted(set(evalkit.__all__) - {"Item"}):  # an alias of a tuple has no name of its own
        assert getattr(evalkit, name).__name__ == name
    assert {"run", "resume", "Run", "Task", "Grader", "Engine", "Sample", "Privileged"} <= set(evalkit.__all__)


def test_help_and_lists_import_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['evalkit', 'list'];\nfrom evalkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip().endswith("HEAVY []"), found.stdout[-300:]


def test_every_module_of_the_package_imports() -> None:
    for path in (REPOSITORY / "evalkit").rglob("*.py"):
        name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        importlib.import_module(name)
