"""How much a vLLM server's prefix cache holds, as it tells in its metrics (`vllm:cache_config_info`).

Servers of several replicas tell it once for each: all of it is there to be used. A server that tells nothing is not
bounded, and taken to keep what it reads.
"""

from __future__ import annotations

import re

import msgspec

from evalkit.engines.http.failures import Failure
from evalkit.engines.http.session import Session

BLOCK = 16  # tokens; vLLM's own default, and what most servers keep together
_LINE = re.compile(r"^vllm:cache_config_info\{(.*)\}", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Cache(msgspec.Struct, frozen=True):
    """A server's prefix cache."""

    tokens: int | None = None
    """What it holds, None where that is not known."""
    block: int = BLOCK
    """Tokens that it keeps together."""
    shares: bool = True
    """Whether prefixes are kept at all."""


async def fetch_cache(session: Session) -> Cache:
    """What a vLLM server tells of its cache."""
    answer = await session.exchange("GET", "/metrics", beside=True)
    return Cache() if isinstance(answer, Failure) else read_cache(answer.decode("utf-8", "replace"))


def read_cache(metrics: str) -> Cache:
    """The cache in a server's metrics."""
    told = [dict(_LABEL.findall(labels)) for labels in _LINE.findall(metrics)]
    if not told:
        return Cache()
    block = _number(told[0].get("block_size")) or BLOCK
    tokens = sum(_number(each.get("num_gpu_blocks")) for each in told) * block
    return Cache(tokens or None, block, shares=told[0].get("enable_prefix_caching") != "False")


def _number(label: str | None) -> int:
    return int(label) if label and label.isdigit() else 0


__all__ = ["Cache", "fetch_cache", "read_cache"]
