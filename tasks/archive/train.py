"""Train the archive's small model from scratch: `python -m evalkit.tasks.archive.train OUT`.

A Qwen3 decoder of three layers learns to copy (`training/curriculum.py`), then to look things up in archives of growing
size. Deterministic for a seed, a number of threads and a build of torch. `model/README.md` has the figures of the
shipped one. Training is no part of the set-up; it needs torch, transformers and safetensors.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from transformers import Qwen3Config, Qwen3ForCausalLM

from .training import attention
from .training import tokenizer as vocabulary
from .training.batches import KIND_NAMES, Archive, Batch
from .training.curriculum import Curriculum
from .training.muon import Muon

MATRIX_RATE, REST_RATE = 1.2e-2, 2e-3
WARM_UP = 50
"""Steps."""
LOG_EVERY, SAVE_EVERY = 20, 100


def small_model(tokens: int, seed: int) -> Qwen3ForCausalLM:
    """The untrained model, for a vocabulary of `tokens`."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=tokens, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, head_dim=32, max_position_embeddings=vocabulary.CONTEXT, rope_theta=10_000.0,
        tie_word_embeddings=False, attention_dropout=0.0, bos_token_id=0, eos_token_id=4, pad_token_id=5,
    )
    model = Qwen3ForCausalLM(config)
    model.set_attn_implementation(attention.NAME)
    return model


class Training:
    """Model, optimisers and course, which a checkpoint holds together."""

    def __init__(self, model: Qwen3ForCausalLM, budget: int, decay: float) -> None:
        self.model, self.budget, self.decay = model, budget, decay
        inside = [p for p in model.model.layers.parameters() if p.ndim == 2]
        names = {id(p) for p in inside}
        rest = [p for p in model.parameters() if id(p) not in names]
        self.optimisers: list[torch.optim.Optimizer] = [
            Muon(inside, MATRIX_RATE), torch.optim.AdamW(rest, REST_RATE, betas=(0.9, 0.95), weight_decay=0.0)
        ]
        self.rates = (MATRIX_RATE, REST_RATE)
        self.course = Curriculum()
        self.step = self.tokens = 0

    def learn(self, batch: Batch) -> float:
        """One step; returns the loss. Rates rise over the first steps and fall to 0 over the last tokens."""
        left = (self.budget - self.tokens) / (self.decay * self.budget) if self.decay else 1.0
        share = min(1.0, (self.step + 1) / WARM_UP, max(left, 0.0))
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * share
        loss, right = self.predict(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += batch.ids.size
        if self.course.learn(right, batch.documents > 0):
            print(f"step {self.step}: stage {self.course.stage}, up to {self.course.cap} documents", flush=True)
        return float(loss.detach())

    def predict(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """Mean loss over the trained tokens, and the share that is right by kind of prediction."""
        ids, kinds = torch.from_numpy(batch.ids), torch.from_numpy(batch.kinds)[:, 1:]
        places, seen = torch.from_numpy(batch.places), attention.visible(batch)
        states = self.model.model(
            input_ids=ids, attention_mask=seen, position_ids=places, use_cache=False, corpus=batch.corpus
        )
        hidden = states.last_hidden_state[:, :-1]
        trained = kinds > 0
        logits = self.model.lm_head(hidden[trained])
        wanted = ids[:, 1:][trained]
        right = (logits.detach().argmax(-1) == wanted).numpy()
        of_kind = kinds[trained].numpy()
        present = [(k, name) for k, name in enumerate(KIND_NAMES, 1) if np.any(of_kind == k)]
        share = {name: float(right[of_kind == k].mean()) for k, name in present}
        return torch.nn.functional.cross_entropy(logits, wanted), share

    def save(self, out: Path) -> None:
        """Weights as the package ships them, and everything needed to go on."""
        self.model.save_pretrained(out)
        state: dict[str, Any] = {"model": self.model.state_dict(), "course": self.course.state(), "step": self.step}
        state |= {"tokens": self.tokens, "optimisers": [o.state_dict() for o in self.optimisers]}
        torch.save(state, out / "resume.pt")

    def restore(self, file: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(file, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.course.restore(state["course"])
        self.step, self.tokens = state["step"], state["tokens"]
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)


def train(
    out: Annotated[Path, typer.Argument(help="folder for model, tokenizer and checkpoint")],
    seed: int = 0,
    tokens: Annotated[int, typer.Option(help="tokens to train on")] = 18_000_000,
    decay: Annotated[float, typer.Option(help="share of the tokens over which the rates fall to 0")] = 0.4,
    batch: Annotated[int, typer.Option(help="tokens of a batch, about")] = 4096,
    resume: Annotated[Path | None, typer.Option(help="go on from this resume.pt")] = None,
) -> None:
    """Train from scratch, or go on."""
    encoder = vocabulary.build()
    vocabulary.save(encoder, out)
    archive = Archive(encoder)
    model = small_model(encoder.get_vocab_size(), seed)
    training = Training(model, tokens, decay)
    if resume is not None:
        training.restore(resume)
    print(f"{model.num_parameters():,} parameters, {torch.get_num_threads()} threads")
    begun, before = time.perf_counter(), training.tokens
    while training.tokens < tokens:
        drawn = training.course.next(
            archive, seed, training.step, batch, len(vocabulary.SPECIAL), encoder.get_vocab_size()
        )
        loss = training.learn(drawn)
        if training.step % LOG_EVERY == 0:
            seconds = time.perf_counter() - begun
            shares = " ".join(f"{k} {v:.3f}" for k, v in training.course.accuracy.items())
            speed = (training.tokens - before) / seconds
            print(
                f"{training.step} {seconds:.0f}s {training.tokens / 1e6:.2f}M {speed:.0f}/s cap {training.course.cap}"
                f" loss {loss:.3f} {shares}", flush=True,
            )
        if training.step % SAVE_EVERY == 0:
            training.save(out)
    training.save(out)


if __name__ == "__main__":
    typer.run(train)
