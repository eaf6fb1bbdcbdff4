"""Requests as vLLM takes them, replies as we keep them."""

from __future__ import annotations

import time
from typing import Any

from evalkit.engines import thinking
from evalkit.engines.intake import Job
from evalkit.records import Completion, Constraint, FinishReason, Lora, Request, Usage

FINISH: dict[str | None, FinishReason] = {"stop": "stop", "length": "length"}


def prompt(job: Job) -> Any:
    """The prompt as token ids: what `prompts` made, tokenised nowhere else."""
    from vllm import TokensPrompt

    return TokensPrompt(prompt_token_ids=job.encoded.ids())


def sampling(request: Request, *, reports: bool) -> Any:
    """How the reply is drawn. `reports`: vLLM tells of each token, not of the end alone."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    how = request.sampling
    return SamplingParams(
        max_tokens=how.max_tokens,
        temperature=how.temperature,
        top_p=how.top_p,
        top_k=how.top_k,
        stop=list(how.stop) or None,
        seed=request.seed if how.temperature > 0 else None,
        structured_outputs=_constraint(request.constraint),
        output_kind=RequestOutputKind.CUMULATIVE if reports else RequestOutputKind.FINAL_ONLY,
    )


def _constraint(constraint: Constraint | None) -> Any:
    from vllm.sampling_params import StructuredOutputsParams

    if constraint is None:
        return None
    if constraint.json is not None:
        return StructuredOutputsParams(json=dict(constraint.json))
    return StructuredOutputsParams(regex=constraint.regex or None, choice=list(constraint.choice) or None)


def adapter(lora: Lora | None) -> Any:
    """A LoRA directory as vLLM serves it, by a name and number of its content: vLLM keeps what it has once read."""
    if lora is None:
        return None
    from vllm.lora.request import LoRARequest

    number = int.from_bytes(bytes.fromhex(lora.digest)[:4], "little") & 0x7FFFFFFF
    return LoRARequest(lora.digest, max(number, 1), lora.path)


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


__all__ = ["adapter", "completion", "prompt", "sampling"]
