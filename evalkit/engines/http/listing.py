"""What a server says it serves (`GET /models`): names, what is behind them, and the longest context.

Not all servers have such a list, and hosted ones leave aliases out of theirs: a name that is not in it may be known all
the same. vLLM adds `root` (the weights behind a served name) and `max_model_len`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evalkit.engines.http.failures import Failure
from evalkit.engines.http.session import Session
from evalkit.errors import ConfigError, EngineError, nearest


class Model(msgspec.Struct, frozen=True):
    """One entry of the list."""

    id: str
    root: str | None = None
    """The weights behind the name, where the server says so."""
    max_model_len: int | None = None
    """Most tokens of prompt and reply together."""
    owned_by: str | None = None
    """Who serves it: what the server is, for those that run weights of anybody's."""

    @property
    def on_vllm(self) -> bool:
        """Whether the server is vLLM."""
        return self.owned_by == "vllm"


class _List(msgspec.Struct, frozen=True):
    data: list[Model]


async def fetch_models(session: Session) -> Mapping[str, Model]:
    """The server's list by name, empty where it has none. Raises EngineError if nobody answers, or the key is wrong."""
    answer = await session.exchange("GET", "/models")
    if isinstance(answer, Failure):
        if answer.unreachable:
            raise EngineError(f"{answer.reason}; is the server running?")
        if answer.status in {401, 403}:
            raise EngineError(f"{session.base_url}: {answer.reason}")
        return {}
    try:
        return {model.id: model for model in msgspec.json.decode(answer, type=_List).data}
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return {}


def pick(wanted: str | None, listed: Mapping[str, Model], base_url: str) -> Model:
    """The model to ask: the one that is named, else the only one there is. ConfigError where that is no answer."""
    if wanted:
        return listed.get(wanted, Model(wanted))
    if len(listed) == 1:
        return next(iter(listed.values()))
    there = f"it serves {', '.join(sorted(listed)[:10])}" if listed else "it does not list what it serves"
    raise ConfigError(f"engine 'http' needs `model:`, a name that {base_url} knows; {there}")


def unknown(wanted: str, listed: Mapping[str, Model], base_url: str) -> str:
    """Half a sentence for a server that answers 404: the nearest name, or how addresses end."""
    if listed:
        return "" if wanted in listed else nearest(wanted, listed)
    return "" if base_url.endswith("/v1") else "; most servers want a `base_url` that ends in /v1"


__all__ = ["Model", "fetch_models", "pick", "unknown"]
