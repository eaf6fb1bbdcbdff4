"""vLLM in this process: token ids in, completions out as they end, each shared prefix read once.

Requests are taken from the plan as they may start (`plan.admission`): a follower after its leader's prompt has been
read, and never more than the key-value cache holds. They are handed over as token ids that `prompts` made, so nothing
is tokenised twice, and the engine is stepped here, so that each completion is stored the moment it ends. `wire`
translates requests and replies.

Written for vLLM 0.32, of which the CPU build was run; the CUDA wheels have the same interface and were not. vLLM's own
arguments go in the option `engine`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from evalkit.engines.intake import Intake, Job, refused
from evalkit.engines.vllm import watcher, wire
from evalkit.engines.weights import context_length, fingerprint, load_config
from evalkit.errors import ConfigError, EngineError, nearest
from evalkit.plan.admission import Admission
from evalkit.prompts import load_counter, load_encoder
from evalkit.protocols import Engine
from evalkit.protocols import Options as BaseOptions
from evalkit.records import Completion, Prompt, Request, digest_of_object

AHEAD = 16
"""Requests that wait inside vLLM beside those it runs, so that it never waits for us."""
SET_HERE = ("model", "max_model_len", "trust_remote_code", "dtype", "enable_prefix_caching")
"""Arguments of vLLM's that are set elsewhere in the run file."""


class VLLM(Engine):
    """One model served by vLLM. Raises ConfigError for a wrong option or a model that is none."""

    class Options(BaseOptions):
        """How it is loaded and run."""

        dtype: str = "auto"
        """Precision, as vLLM names it; auto: that of the weights."""
        max_model_len: int | None = Field(default=None, ge=1)
        """Most tokens of prompt and reply; default: what the model's config says."""
        prefix_caching: bool = True
        """False: every prompt is read whole (to compare with)."""
        in_flight: int | None = Field(default=None, ge=1)
        """Most requests handed to vLLM at once; default: what it runs at a time, and a few more."""
        cache_tokens: int | None = Field(default=None, ge=1)
        """Tokens that the key-value cache holds; default: what vLLM reports."""
        trust_remote_code: bool = False
        """Run code that comes with the model."""
        engine: dict[str, Any] = {}
        """vLLM's own engine arguments by their names, as tensor_parallel_size or gpu_memory_utilization."""

    def __init__(self, model: str | None, options: Options | None = None) -> None:
        if not model:
            raise ConfigError("engine 'vllm' needs a `model:` (a directory with weights, or a hub id)")
        if importlib.util.find_spec("vllm") is None:
            raise ConfigError("engine 'vllm' needs the package 'vllm': pip install 'evalkit-lm[vllm]'")
        self.model = model
        self.options = options = options or self.Options()
        config = load_config(model, trust_remote_code=options.trust_remote_code)
        self.encoder = load_encoder(model)
        self.counter = load_counter(model)
        self.limit = options.max_model_len or context_length(config)
        stated = str(getattr(config, "dtype", None) or "auto").removeprefix("torch.")
        self._dtype = stated if options.dtype == "auto" else options.dtype  # vLLM's own auto halves 32-bit weights
        how = f":{digest_of_object(options.engine).hex()}" if options.engine else ""
        self.fingerprint = fingerprint(model, config, self._dtype) + how
        self._intake = Intake(self.encoder, self.limit)
        self._watcher: subprocess.Popen[bytes] | None = None
        self._check_arguments()

    @functools.cached_property
    def _engine(self) -> Any:
        """vLLM with the weights, from the first request on."""
        _quiet()
        from vllm import EngineArgs, LLMEngine

        self._watch()
        try:
            return LLMEngine.from_engine_args(EngineArgs(**self._arguments()))
        except Exception as error:  # whatever vLLM meets while it loads a model
            raise EngineError(f"vLLM could not load {self.model!r}: {_reason(error)}") from error
        finally:
            self._tell(watcher.LOADED)

    def _arguments(self) -> dict[str, Any]:
        own: dict[str, Any] = {
            "model": self.model, "dtype": self._dtype, "trust_remote_code": self.options.trust_remote_code,
            "enable_prefix_caching": self.options.prefix_caching, "disable_log_stats": True, "seed": 0,
        }
        if self.limit is not None:
            own["max_model_len"] = self.limit
        own.update(self.options.engine)
        return own

    def _check_arguments(self) -> None:
        if not self.options.engine:
            return
        _quiet()
        from vllm import EngineArgs

        known = set(EngineArgs.__dataclass_fields__) - set(SET_HERE)
        for name in self.options.engine:
            if name in SET_HERE:
                where = "the candidate" if name == "model" else "an option of its own"
                raise ConfigError(f"engine 'vllm': {name!r} is not set in `engine:`, but by {where}")
            if name not in known:
                raise ConfigError(f"engine 'vllm': vLLM has no engine argument {name!r}{nearest(name, known)}")

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Length of a prompt in this model's tokens, chat template and BOS included."""
        return self.encoder.encode(prompt).n_tokens

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Completions as they end. A request that cannot be asked is a completion with an error."""
        engine, admission, intake = self._engine, self._admission(), self._intake
        incoming = iter(requests)
        jobs: dict[str, Job] = {}
        waiting: Job | None = None
        try:
            while True:
                while waiting is None or admission.admits(waiting.encoded, waiting.request.sampling.max_tokens):
                    follower = self._next(incoming, intake)
                    if isinstance(follower, Completion):
                        yield follower
                        continue
                    if waiting is not None and (failed := self._start(engine, admission, jobs, waiting, follower)):
                        yield failed
                    waiting = follower
                    if waiting is None:
                        break
                if not jobs and waiting is None:
                    return
                yield from self._step(engine, admission, jobs, intake)
        finally:
            if jobs:  # the run was stopped: nothing shall go on in the background
                with contextlib.suppress(Exception):
                    engine.abort_request(list(jobs))

    def close(self) -> None:
        """End vLLM and free its memory."""
        engine = self.__dict__.pop("_engine", None)
        if engine is not None:
            with contextlib.suppress(Exception):
                engine.engine_core.shutdown()
        if self._watcher is not None:
            self._tell(watcher.DONE)
            self._watcher.communicate()
            self._watcher = None

    def _watch(self) -> None:
        """Have vLLM's processes ended when this one is gone, however it goes (`watcher`)."""
        if Path("/proc/self/stat").is_file():
            command = [sys.executable, "-I", watcher.__file__, str(os.getpid())]
            pipe = subprocess.PIPE
            self._watcher = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)
            assert self._watcher.stdout is not None
            self._watcher.stdout.readline()  # it has seen what is not vLLM's

    def _tell(self, line: bytes) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            with contextlib.suppress(OSError):  # somebody has killed the watcher
                self._watcher.stdin.write(line)
                self._watcher.stdin.flush()

    @staticmethod
    def _next(incoming: Iterator[Request], intake: Intake) -> Job | Completion | None:
        request = next(incoming, None)
        return None if request is None else intake.take(request)

    def _start(
        self, engine: Any, admission: Admission, jobs: dict[str, Job], job: Job, follower: Job | None
    ) -> Completion | None:
        """Hand a job over. A leader reports while it runs, so that its followers hear when its prompt was read."""
        leads = follower is not None and admission.leads(job.encoded, follower.encoded)
        name = job.request.key.hex()
        try:
            prompt, sampling = wire.prompt(job), wire.sampling(job.request, reports=leads)
            engine.add_request(name, prompt, sampling, lora_request=wire.adapter(job.request.adapter))
        except Exception as error:
            if type(error).__name__ == "EngineDeadError":
                raise _died(len(jobs), error) from error
            # vLLM does not take this one: a schema it cannot compile, say
            return refused(job.request, f"vLLM refuses the request: {_reason(error)}")
        jobs[name] = job
        admission.started(job.request.key, job.encoded, job.request.sampling.max_tokens)
        return None

    def _step(self, engine: Any, admission: Admission, jobs: dict[str, Job], intake: Intake) -> Iterator[Completion]:
        try:
            outputs = engine.step()
        except Exception as error:  # the engine core is gone, or its memory
            raise _died(len(jobs), error) from error
        for output in outputs:
            job = jobs.get(output.request_id)
            if job is None:
                continue
            admission.was_read(job.request.key)
            if output.finished:
                del jobs[output.request_id]
                admission.ended(job.request.key)
                yield wire.completion(job, output, opened=intake.opens_thinking(job.encoded))

    def _admission(self) -> Admission:
        config = self._engine.vllm_config
        most = self.options.in_flight or config.scheduler_config.max_num_seqs + AHEAD
        if not self.options.prefix_caching:  # nothing is shared: nobody leads, and vLLM queues by itself
            return Admission(capacity=None, block=sys.maxsize, requests=most)
        block, blocks = config.cache_config.block_size, config.cache_config.num_gpu_blocks
        capacity = self.options.cache_tokens or (block * blocks if blocks else None)
        return Admission(capacity=capacity, block=block, requests=most)


def _died(in_flight: int, error: BaseException) -> EngineError:
    return EngineError(f"vLLM died with {in_flight:,} requests in flight: {_reason(error)}")


def _quiet() -> None:
    """vLLM tells a hundred lines at each start; who wants them sets VLLM_LOGGING_LEVEL."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")


def _reason(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0]


__all__ = ["VLLM"]
