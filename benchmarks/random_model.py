"""A randomly initialised Llama of a given size, with the small model's tokenizer: for GPUs without a hub.

    python benchmarks/random_model.py 1b /tmp/random-1b
    python benchmarks/shared_corpora.py --model /tmp/random-1b --length 32000

Speed and memory are those of a trained model of that shape; what it says is noise.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from harnesses.parts import model_folder

SIZES = {"tiny": (256, 2, 4, 2, 512), "1b": (2048, 16, 32, 8, 8192), "8b": (4096, 32, 32, 8, 14336)}
"""Hidden size, layers, heads, key-value heads, width of the feed-forward: those of the Llama 3 of that size."""
POSITIONS = 262_144


def main() -> None:
    """Write the directory."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    hidden, layers, heads, kv_heads, width = SIZES[given.size]
    small = AutoConfig.from_pretrained(model_folder())
    config = LlamaConfig(
        vocab_size=small.vocab_size, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv_heads, intermediate_size=width, max_position_embeddings=POSITIONS,
        bos_token_id=small.bos_token_id, eos_token_id=small.eos_token_id, dtype="bfloat16",
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(given.folder)
    for file in model_folder().iterdir():
        if file.is_file() and (file.name.startswith("tokenizer") or file.suffix == ".jinja"):
            shutil.copy(file, given.folder)
    print(f"{given.size}: {given.folder}")


if __name__ == "__main__":
    main()
