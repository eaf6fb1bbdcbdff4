"""What the engines' tests share: folders with tiny random models."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with a tiny random model of a family, made at first use."""
    from tiny import make

    root = tmp_path_factory.mktemp("models")

    @functools.cache
    def folder(family: str) -> Path:
        return make(root / family, family)

    return folder


@pytest.fixture(scope="session")
def vllm_here() -> None:
    """A vLLM build that runs on this machine. Missing it fails in CI and is a visible skip elsewhere."""
    if importlib.util.find_spec("vllm") is None:
        if os.environ.get("CI"):
            pytest.fail("vLLM's CPU build is not installed: `make test` installs it")
        pytest.skip("no vLLM build here")
