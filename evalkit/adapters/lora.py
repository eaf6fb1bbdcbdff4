"""A LoRA directory in PEFT's format, checked and named by its content.

The config is read, of the weights only the head: a safetensors file says at its beginning which tensors it holds and
how long it must be, so that a torn copy is seen without reading it. The digest covers config and weights, not the
path: the same directory written anew with other weights is another adapter.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.records import DIGEST_BYTES, Lora

CONFIG, WEIGHTS, PICKLED = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
READ = 1 << 22  # bytes
_LENGTH = 8  # bytes at the start of a safetensors file that tell how long its head is

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor by its name."""


def read_lora(path: str | Path) -> Lora:
    """The adapter in a directory. Raises ConfigError, in one sentence, if there is none or it is not whole."""
    folder = Path(path)
    if not folder.is_dir():
        raise ConfigError(f"there is no adapter directory {str(folder)!r}")
    if not (folder / CONFIG).is_file():
        if (folder / "config.json").is_file():
            raise ConfigError(f"{str(folder)!r} holds a whole model and no LoRA adapter: name it as `model:`")
        raise ConfigError(f"{str(folder)!r} is no LoRA directory: {CONFIG} is missing")
    config = _config(folder)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise ConfigError(f"{str(folder)!r} is no LoRA adapter: its {CONFIG} says peft_type {kind!r}")
    _ranks(config, folder)
    if not (folder / WEIGHTS).is_file():
        if (folder / PICKLED).is_file():
            raise ConfigError(f"{str(folder)!r} has its weights as {PICKLED} only: save them again as {WEIGHTS}")
        raise ConfigError(f"{str(folder)!r} is no whole LoRA directory: {WEIGHTS} is missing")
    if not any(".lora_" in name for name in _shapes(folder / WEIGHTS)):
        raise ConfigError(f"{str(folder / WEIGHTS)!r} holds no LoRA weights")
    return Lora(str(folder.resolve()), _digest(folder))


def rank(lora: Lora) -> int:
    """The highest rank of its matrices."""
    folder = Path(lora.path)
    return max(_ranks(_config(folder), folder))


def check_unchanged(lora: Lora) -> None:
    """ConfigError if the directory now holds something else than when it was read."""
    if read_lora(lora.path).digest != lora.digest:
        raise ConfigError(f"the adapter {lora.path!r} has been written anew since the run began")


def shapes(lora: Lora) -> Shapes:
    """Which tensors it holds."""
    return _shapes(Path(lora.path) / WEIGHTS)


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(folder / CONFIG)!r} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{str(folder / CONFIG)!r} holds no settings")
    return found


def _ranks(config: Mapping[str, Any], folder: Path) -> list[int]:
    pattern = config.get("rank_pattern") or {}
    found = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [None])]
    if not all(type(r) is int and r > 0 for r in found):
        raise ConfigError(f"{str(folder / CONFIG)!r} says no rank: `r` and all in `rank_pattern` are whole numbers > 0")
    return found


def _shapes(path: Path) -> Shapes:
    """Names and shapes in a safetensors file, its length checked against what its head says."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH), "little")
            if size < _LENGTH or length > size - _LENGTH:
                what = "torn" if size else "empty"
                raise ConfigError(f"{str(path)!r} is {what}: {size:,} bytes are not a whole file")
            head = json.loads(file.read(length))
        head.pop("__metadata__", None)
        found = {name: tuple(map(int, tensor["shape"])) for name, tensor in head.items()}
        end = max((int(tensor["data_offsets"][1]) for tensor in head.values()), default=0)
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise ConfigError(f"{str(path)!r} is no safetensors file") from None
    if size != _LENGTH + length + end:
        raise ConfigError(f"{str(path)!r} is torn: {size:,} bytes of {_LENGTH + length + end:,}")
    if not all(map(math.prod, found.values())):
        raise ConfigError(f"{str(path)!r} holds a tensor without a number in it")
    return found


def _digest(folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for name in (CONFIG, WEIGHTS):
        path = folder / name
        digest.update(name.encode() + path.stat().st_size.to_bytes(8, "little"))
        try:
            with path.open("rb") as file:
                while block := file.read(READ):
                    digest.update(block)
        except OSError as error:
            raise ConfigError(f"{str(path)!r} cannot be read: {error}") from None
    return digest.hexdigest()


__all__ = ["CONFIG", "WEIGHTS", "Shapes", "check_unchanged", "rank", "read_lora", "shapes"]
