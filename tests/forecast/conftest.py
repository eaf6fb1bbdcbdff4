"""A model directory without weights, and an engine that is not installed: all that a forecast needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.engines import ENGINES

SHIPPED = Path(__file__).resolve().parent.parent.parent / "tasks" / "archive" / "model"
LLAMA: dict[str, Any] = json.loads((Path(__file__).parent / "configs.json").read_text(encoding="utf-8"))["Llama-3-8B"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model directory without weights: Llama 3 8B's shape, the shipped model's tokenizer."""
    monkeypatch.setitem(ENGINES, "served", ("no_such_package.engine:Served", "an engine that is not installed here"))
    model = tmp_path / "llama"
    model.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(SHIPPED / name, model)
    (model / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    return model


@pytest.fixture
def write(folder: Path) -> Callable[..., None]:
    """Changes fields of that model's config."""

    def changed(**changes: Any) -> None:
        (folder / "config.json").write_text(json.dumps({**LLAMA, **changes}), encoding="utf-8")

    return changed


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    """A LoRA directory."""
    import numpy as np
    from safetensors.numpy import save_file

    made = tmp_path / "lora"
    made.mkdir()
    (made / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}), encoding="utf-8")
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    save_file({name: np.ones((4, 8), np.float32)}, made / "adapter_model.safetensors")
    return made
