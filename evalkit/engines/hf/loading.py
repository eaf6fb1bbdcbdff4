"""A model directory as a model in memory, refused with one sentence where something is missing; and its fingerprint.

transformers initialises weights that it does not find at random and says so in a log line: here that is an error.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from evalkit.errors import ConfigError
from evalkit.hub import check_model

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
READ = 1 << 22


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
    try:
        return AutoConfig.from_pretrained(model, trust_remote_code=trust_remote_code)
    except Exception as error:  # transformers and the hub raise nearly anything
        raise _unloadable(model, error) from None


def sound_attention(config: Any) -> str | None:
    """`eager` where transformers' default would not compute what the model learnt (sdpa leaves out soft-capping)."""
    return "eager" if getattr(config.get_text_config(), "attn_logit_softcapping", None) else None


def load_model(model: str, *, dtype: torch.dtype, device: str, attention: str | None, trust_remote_code: bool) -> Any:
    """The model, ready to generate; `attention` None leaves the choice to transformers.

    Raises ConfigError if it cannot be loaded or its weights are incomplete.
    """
    transformers_logging.disable_progress_bar()
    try:
        loaded, info = AutoModelForCausalLM.from_pretrained(
            model,
            dtype=dtype,
            attn_implementation=attention,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
        )
    except Exception as error:  # transformers and the hub raise nearly anything
        raise _unloadable(model, error) from None
    missing = sorted(info["missing_keys"])
    if missing:
        raise ConfigError(f"the weights of {model!r} lack {len(missing)} tensors, the first: {missing[0]}")
    return loaded.to(device).eval()


def _unloadable(model: str, error: Exception) -> ConfigError:
    reason = str(error).strip().split("\n")[0]
    return ConfigError(f"the model {model!r} could not be loaded: {reason}")


def fingerprint(model: str, config: Any, dtype: torch.dtype) -> str:
    """Identity of what answers: digest of a directory's files (or the hub's revision), and the precision."""
    precision = str(dtype).removeprefix("torch.")
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


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Ids that end a reply: the generation config's, and the tokenizer's end-of-sequence token."""
    found = model.generation_config.eos_token_id
    ids = set(found) if isinstance(found, list) else {found}
    return frozenset(i for i in (*ids, tokenizer.eos_token_id) if i is not None)


def context_length(config: Any) -> int | None:
    """Positions that the model was made for, None where its config does not say."""
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None


__all__ = [
    "check_folder", "context_length", "end_tokens", "fingerprint", "load_config", "load_model", "sound_attention",
]
