"""What answers requests. Each engine is one module, imported only when a run names it."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, nearest

if TYPE_CHECKING:
    from evalkit.protocols import Engine

ENGINES = {
    "hf": ("evalkit.engines.hf:HF", "transformers on CPU or CUDA, each shared prefix read once"),
    "vllm": ("evalkit.engines.vllm:VLLM", "vLLM in this process: each context read once, completions as they end"),
    "http": ("evalkit.engines.http:HTTP", "any OpenAI-compatible server"),
    "vllm-server": ("evalkit.engines.server:VLLMServer", "a vLLM server, started and ended by the run"),
    "replay": ("evalkit.engines.replay:Replay", "replies recorded elsewhere, from JSONL"),
    "baseline": ("evalkit.engines.baseline:Baseline", "non-LLM candidates: BM25 for retrieval"),
}
"""Name, where its class lives, and one sentence for `evalkit list engines`."""


def engine_class(name: str) -> type[Engine]:
    """The class of an engine by name; ConfigError for an unknown name or a package that is not installed."""
    if name not in ENGINES:
        raise ConfigError(f"no engine {name!r}{nearest(name, ENGINES)}")
    # Threads of torch that spin while they wait take the cores from whoever would let them go on: on two busy
    # cores 7 times slower. It counts only before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    module_name, _, class_name = ENGINES[name][0].partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"engine {name!r} needs the package {error.name!r}: pip install 'evalkit-lm[cpu]'") from None
    found: type[Engine] = getattr(module, class_name)
    return found


__all__ = ["ENGINES", "engine_class"]
