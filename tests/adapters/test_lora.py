"""LoRA directories: named by what they hold, and refused in one sentence each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from evalkit.adapters import rank, read_lora
from evalkit.errors import ConfigError

NAME = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


def write(folder: Path, value: float = 1.0, **settings: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, **settings}))
    save_file({NAME: np.full((4, 8), value, np.float32)}, folder / "adapter_model.safetensors")
    return folder


def test_an_adapter_is_named_by_its_content(tmp_path: Path) -> None:
    one, copy = read_lora(write(tmp_path / "one")), read_lora(write(tmp_path / "copy"))
    assert one.digest == copy.digest and one.path == str(tmp_path / "one") and len(one.digest) == 32
    assert read_lora(write(tmp_path / "one", 2.0)).digest != one.digest, "the same path with other weights"
    assert read_lora(write(tmp_path / "copy", lora_alpha=32)).digest != one.digest, "the same weights, other strength"


def test_the_rank_is_the_highest_of_all_layers(tmp_path: Path) -> None:
    assert rank(read_lora(write(tmp_path / "a"))) == 4
    assert rank(read_lora(write(tmp_path / "a", rank_pattern={"q_proj": 12, "v_proj": 2}))) == 12


def broken(folder: Path, what: str) -> Path:
    """A directory that is no LoRA adapter, in one way."""
    weights, config = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    if what == "missing":
        return folder / "nowhere"
    if what == "a file":
        return write(folder) / "adapter_config.json"
    write(folder)
    match what:
        case "no config":
            config.unlink()
        case "a model":
            config.unlink()
            (folder / "config.json").write_text("{}")
        case "no json":
            config.write_text("{'r': 4")
        case "a list":
            config.write_text("[]")
        case "prompt tuning":
            write(folder, peft_type="PROMPT_TUNING")
        case "no rank":
            write(folder, r="4")
        case "no weights":
            weights.unlink()
        case "pickled":
            weights.rename(folder / "adapter_model.bin")
        case "empty":
            weights.write_bytes(b"")
        case "torn head":
            weights.write_bytes(weights.read_bytes()[:20])
        case "torn":
            weights.write_bytes(weights.read_bytes()[:-3])
        case "text":
            weights.write_text("version https://git-lfs.github.com/spec/v1\n" * 4)
        case "noise":
            weights.write_bytes((4).to_bytes(8, "little") + b"\xff\xfe\xfd\xfc")
        case "other weights":
            save_file({"model.embed_tokens.weight": np.ones((4, 8), np.float32)}, weights)
    return folder


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("missing", "there is no adapter directory"),
        ("a file", "there is no adapter directory"),
        ("no config", r"is no LoRA directory: adapter_config\.json is missing"),
        ("a model", "holds a whole model and no LoRA adapter: name it as `model:`"),
        ("no json", r"adapter_config\.json' cannot be read: "),
        ("a list", "holds no settings"),
        ("prompt tuning", "says peft_type 'PROMPT_TUNING'"),
        ("no rank", "says no rank"),
        ("no weights", r"adapter_model\.safetensors is missing"),
        ("pickled", r"as adapter_model\.bin only: save them again as adapter_model\.safetensors"),
        ("empty", "is empty: 0 bytes"),
        ("torn head", "is torn: 20 bytes"),
        ("torn", r"is torn: \d+ bytes of \d+"),
        ("text", "is torn"),
        ("noise", "is no safetensors file"),
        ("other weights", "holds no LoRA weights"),
    ],
)
def test_what_is_no_lora_adapter_is_said_in_one_sentence(what: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_lora(broken(tmp_path / "lora", what))
    assert "\n" not in str(caught.value)
