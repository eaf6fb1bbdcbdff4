"""Tiny random models of several families, a tokenizer, and requests to them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pydoc_data import topics
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from evalkit.adapters import read_lora
from evalkit.protocols import Engine, user
from evalkit.records import Completion, Constraint, Lora, Prompt, Request, Sample, Sampling, Segment

WINDOW = 48  # far smaller than the shared prefix below
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPE = {
    "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "max_position_embeddings": 2048, "bos_token_id": None, "pad_token_id": None, "initializer_range": 0.3,
    "tie_word_embeddings": False,
}  # fmt: skip
"""Large random weights, so that greedy replies wander and small errors would show."""

TARGETS = ("q_proj", "v_proj", "o_proj", "down_proj")
CONTEXT = Segment("The mill stands by the river, and the road to the town runs past it. " * 16)
QUESTIONS = (
    "Who?", "Where is the mill?", "And what does the road do when it has come to the town?", "Why", "How far is it?",
    "Is the river wide, or is it narrow where the mill stands and the road runs past?",
)  # fmt: skip


@functools.cache
def tokenizer() -> Any:
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    tok.train_from_iterator(sorted(topics.topics.values())[:20], trainer)
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=tok, eos_token="<|im_end|>")
    made.chat_template = CHAT
    return made


def config(family: str) -> Any:
    shape = {**SHAPE, "vocab_size": len(tokenizer()), "eos_token_id": tokenizer().eos_token_id}
    half = ["sliding_attention", "full_attention"]
    match family:
        case "llama":
            return transformers.LlamaConfig(**shape, num_hidden_layers=2)
        case "qwen3":
            return transformers.Qwen3Config(**shape, num_hidden_layers=2)
        case "gemma2":
            return transformers.Gemma2Config(**shape, num_hidden_layers=4, sliding_window=WINDOW, layer_types=half * 2)
        case "gemma3":
            return transformers.Gemma3TextConfig(
                **shape, num_hidden_layers=4, sliding_window=WINDOW, layer_types=half * 2
            )
        case "dynamic":
            rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}
            return transformers.LlamaConfig(
                **{**shape, "max_position_embeddings": 96}, num_hidden_layers=2, rope_parameters=rope
            )
        case "mistral":
            return transformers.MistralConfig(**shape, num_hidden_layers=2, sliding_window=WINDOW)
        case _:
            return transformers.MambaConfig(
                vocab_size=len(tokenizer()), hidden_size=64, num_hidden_layers=2, eos_token_id=tokenizer().eos_token_id
            )


def make(folder: Path, family: str) -> Path:
    """Save the model of a family, always the same, with its tokenizer."""
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config(family)).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def make_lora(
    folder: Path, base: Path, *, seed: int, rank: int = 4, std: float = 0.5, targets: Sequence[str] = TARGETS
) -> Lora:  # fmt: skip
    """Save a LoRA for a model, both matrices of every pair random and large: it changes what the model says."""
    import peft

    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(targets)))
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_" in name:
                weight.normal_(std=std)
    wrapped.save_pretrained(folder)
    return read_lora(folder)


def ask(
    *texts: str | Segment, draw: int = 0, adapter: Lora | None = None, constraint: Constraint | None = None,
    **sampling: Any,
) -> Request:  # fmt: skip
    sampling.setdefault("max_tokens", 12)
    return Request(
        Prompt((user(*texts),)), Sample("s", ("q",)), sampling=Sampling(**sampling), draw=draw, adapter=adapter,
        constraint=constraint,
    )  # fmt: skip


class Feed:
    """Requests that run dry and fill again: `more` gives those that follow when a completion has been taken."""

    def __init__(self, first: Sequence[Request], more: Callable[[Completion], Sequence[Request]]) -> None:
        self._ready, self._more = list(first), more

    def __iter__(self) -> Iterator[Request]:
        return self

    def __next__(self) -> Request:
        if not self._ready:
            raise StopIteration
        return self._ready.pop(0)

    def taken(self, completion: Completion) -> None:
        """A completion was taken."""
        self._ready += self._more(completion)


def answers(engine: Engine, requests: Sequence[Request]) -> list[Completion]:
    """Completions in the order of the requests."""
    found = {c.key: c for c in engine.generate(requests)}
    assert len(found) == len(requests)
    return [found[r.key] for r in requests]
