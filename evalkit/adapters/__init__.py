"""What is laid over a model, weights and all else left as they are: LoRA directories.

`lora` reads a directory in PEFT's format, `shapes` says whether it fits a model before either is loaded.
"""

from __future__ import annotations

from evalkit.adapters.lora import rank, read_lora

__all__ = ["rank", "read_lora"]
