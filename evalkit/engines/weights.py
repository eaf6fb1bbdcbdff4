"""A model directory before it is loaded: whether it is whole, what identifies it, how much context it takes."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.hub import check_model

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
READ = 1 << 22  # bytes


def check_folder(folder: Path) -> None:
    """Raise ConfigError unless `folder` holds a config and every weights file it names."""
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{str(folder)!r} is no model directory: config.json is missing")
    if any((folder / name).is_file() for name in WEIGHTS):
        return
    for name in WEIGHTS:
        index = folder / f"{name}.index.json"
        if index.is_file():
            named = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
            missing = [shard for shard in named if not (folder / shard).is_file()]
            if missing:
                raise ConfigError(f"{str(folder)!r} lacks {len(missing)} of {len(named)} weights files: {missing[0]}")
            return
    raise ConfigError(f"{str(folder)!r} holds a config but no weights: {' or '.join(WEIGHTS)} is missing")


def load_config(model: str, *, trust_remote_code: bool) -> Any:
    """A model's configuration. Raises ConfigError if there is none, or a directory lacks its weights."""
    check_model(model)
    if Path(model).is_dir():
        check_folder(Path(model))
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(model, trust_remote_code=trust_remote_code)
    except Exception as error:  # transformers and the hub raise nearly anything
        raise unloadable(model, error) from None


def unloadable(model: str, error: Exception) -> ConfigError:
    """The one sentence for whatever transformers or the hub met while loading a model."""
    reason = str(error).strip().split("\n")[0]
    return ConfigError(f"the model {model!r} could not be loaded: {reason}")


def fingerprint(model: str, config: Any, precision: str) -> str:
    """Identity of what answers: digest of a directory's files (or the hub's revision), and the precision."""
    folder = Path(model)
    if not folder.is_dir():
        return f"{model}@{getattr(config, '_commit_hash', None) or 'unknown'}:{precision}"
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(p for p in folder.iterdir() if p.is_file() and _matters(p)):
        stat = path.stat()
        digest.update(path.name.encode() + b"\0" + _file_digest(path, stat.st_mtime_ns, stat.st_size))
    return f"{digest.hexdigest()}:{precision}"


def _matters(path: Path) -> bool:
    """Weights, configuration, tokenizer, template and code; not a README."""
    return path.suffix in {".safetensors", ".bin", ".json", ".jinja", ".model", ".txt", ".py"}


@functools.lru_cache(maxsize=512)
def _file_digest(path: Path, _mtime_ns: int, _size: int) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(READ):
            digest.update(block)
    return digest.digest()


def context_length(config: Any) -> int | None:
    """Positions that the model was made for, None where its config does not say."""
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None


__all__ = ["check_folder", "context_length", "fingerprint", "load_config", "unloadable"]
