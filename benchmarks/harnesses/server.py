"""The one vLLM server that every harness is asked through, with a prefix cache for about two corpora.

Between measurements its cache is emptied. What it did for one is read from its own counters and from the `Witness`
inside it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from .parts import model_folder

BLOCK = 128  # tokens that vLLM's CPU build caches together
AT_ONCE = 32
NAME = "archive"
COUNTERS = {"prompt": "vllm:prompt_tokens_total", "cached": "vllm:prompt_tokens_cached_total"}
STARTS_IN = 300  # seconds at most


class Seen(NamedTuple):
    """What the server saw of one measurement."""

    prompts: list[str]
    """Digests, in the order in which they were answered."""
    drawing: list[list[float]]
    """Most tokens of a reply and temperature, of all requests."""
    seconds: float
    """From the first request to the last reply."""
    tokens: int
    """Of all prompts."""
    computed: int
    """Of them, those that were not in the cache."""


class Server:
    """A vLLM server of our own. Use as a context manager: it is ended whatever happens."""

    def __init__(self, length: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        flags = {
            "model": model_folder(), "served-model-name": NAME, "host": "127.0.0.1", "port": port, "dtype": "float32",
            "block-size": BLOCK, "num-gpu-blocks-override": cache_blocks(length), "max-num-seqs": AT_ONCE,
            "max-model-len": length + 1000, "generation-config": "vllm", "uvicorn-log-level": "warning",
            "middleware": "harnesses.witness.Witness",
        }  # fmt: skip
        words = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *words]
        command += ["--enforce-eager", "--enable-prefix-caching"]
        here = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        environment = {
            "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_SERVER_DEV_MODE": "1", "VLLM_NO_USAGE_STATS": "1",
            "VLLM_LOGGING_LEVEL": "WARNING", "PYTHONPATH": path,
        }  # fmt: skip
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        self._process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=self._log, stderr=self._log, start_new_session=True
        )
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Server:
        deadline = time.monotonic() + STARTS_IN
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._get("/health")
                return self
            except OSError:
                time.sleep(0.3)
        words = self._last_words()
        self.end()
        sys.exit(f"the vLLM server did not start:\n{words}")

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> dict[str, int]:
        """Empty the cache, forget what was seen; returns the counters as they stand."""
        self._get("/reset_prefix_cache", post=True)
        self._get("/witness")
        return self._counters()

    def seen_since(self, before: dict[str, int]) -> Seen:
        """What was asked since `begin`, whose counters these are."""
        time.sleep(0.5)  # the last step's counters
        told, after = json.loads(self._get("/witness")), self._counters()
        tokens, cached = (after[name] - before[name] for name in ("prompt", "cached"))
        return Seen(told["prompts"], told["drawing"], told["seconds"], tokens, tokens - cached)

    def end(self) -> None:
        """End the server and all that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()

    def _counters(self) -> dict[str, int]:
        text = self._get("/metrics").decode()
        found = {}
        for name, metric in COUNTERS.items():
            match = re.search(rf"^{metric}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
            if match is None:
                sys.exit(f"this vLLM has no counter {metric}: the prompt tokens computed cannot be told")
            found[name] = int(float(match[1]))
        return found

    def _get(self, path: str, post: bool = False) -> bytes:
        request = urllib.request.Request(self.url + path, method="POST" if post else "GET")
        with self._opener.open(request, timeout=60) as response:
            body: bytes = response.read()
            return body

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")[-3000:]


def cache_blocks(length: int) -> int:
    """Blocks that hold two corpora, and the questions in flight."""
    return 2 * (length // BLOCK + 2) + 16


__all__ = ["AT_ONCE", "BLOCK", "NAME", "Seen", "Server", "cache_blocks"]
