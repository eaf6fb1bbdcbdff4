"""Requests as vLLM takes them, replies as we keep them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from evalkit.engines import thinking
from evalkit.engines.intake import Job
from evalkit.errors import ConfigError
from evalkit.records import Completion, FinishReason, Request, Usage, digest_of

FINISH: dict[str | None, FinishReason] = {"stop": "stop", "length": "length"}
LORA = "lora:"
"""How an adapter that is a LoRA directory is named: `lora:PATH`."""


def prompt(job: Job) -> Any:
    """The prompt as token ids: what `prompts` made, tokenised nowhere else."""
    from vllm import TokensPrompt

    return TokensPrompt(prompt_token_ids=job.encoded.ids())


def sampling(request: Request, *, reports: bool) -> Any:
    """How the reply is drawn. `reports`: vLLM tells of each token, not of the end alone."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    how = request.sampling
    return SamplingParams(
        max_tokens=how.max_tokens,
        temperature=how.temperature,
        top_p=how.top_p,
        top_k=how.top_k,
        stop=list(how.stop) or None,
        seed=request.seed if how.temperature > 0 else None,
        structured_outputs=StructuredOutputsParams(json=dict(request.schema)) if request.schema is not None else None,
        output_kind=RequestOutputKind.CUMULATIVE if reports else RequestOutputKind.FINAL_ONLY,
    )


def adapter(name: str) -> Any:
    """The LoRA directory that an adapter names, None where it names none; its id is made from its path."""
    if name == "none":
        return None
    if not name.startswith(LORA):
        raise ConfigError(f"engine 'vllm' serves LoRA directories, `lora:PATH`, and {name!r} is none")
    from vllm.lora.request import LoRARequest

    path = str(Path(name.removeprefix(LORA)).resolve())
    number = int.from_bytes(digest_of(path.encode())[:4], "little") & 0x7FFFFFFF
    return LoRARequest(name, max(number, 1), path)


def completion(job: Job, output: Any, *, opened: bool) -> Completion:
    """What vLLM made of a job. `opened`: its prompt ended in an opened <think>."""
    [said] = output.outputs
    text, reasoning = thinking.split(said.text, opened=opened)
    finish = FINISH.get(said.finish_reason)
    if finish is None:
        return Completion(job.request.key, finish="error", error=f"vLLM ended the request: {said.finish_reason}")
    usage = Usage(
        prompt_tokens=job.encoded.n_tokens,
        cached_tokens=min(output.num_cached_tokens or 0, job.encoded.n_tokens),
        completion_tokens=len(said.token_ids),
        fresh_tokens=job.fresh,
    )
    seconds = time.monotonic() - job.submitted
    return Completion(job.request.key, text, finish, reasoning, usage, seconds)


__all__ = ["LORA", "adapter", "completion", "prompt", "sampling"]
