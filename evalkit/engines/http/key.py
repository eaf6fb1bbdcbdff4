"""The API key: read from the environment, sent in one header, shown nowhere.

A server may repeat the key in what it answers (some do in the text of a 401), and errors are stored and printed. So
whatever comes from a server goes through `ApiKey.hide` before anything else sees it.
"""

from __future__ import annotations

import os
import re

from evalkit.errors import ConfigError

DEFAULT_NAME = "OPENAI_API_KEY"
HIDDEN = "[API key]"
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_SENDABLE = re.compile(r"[\x21-\x7e]+")  # what an HTTP header may carry, blanks left out


class ApiKey:
    """A key, or none. It has no readable representation, and cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "ApiKey(hidden)" if self._value else "ApiKey(none)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled")

    @property
    def headers(self) -> dict[str, str]:
        """What authorises a request; empty without a key."""
        return {"Authorization": f"Bearer {self._value}"} if self._value else {}

    def hide(self, text: str) -> str:
        """`text` without the key."""
        return text.replace(self._value, HIDDEN) if self._value else text

    def hide_bytes(self, body: bytes) -> bytes:
        """`body` without the key; the same object where it does not hold it."""
        value = self._value.encode()
        return body.replace(value, HIDDEN.encode()) if value and value in body else body


def read_key(name: str | None) -> ApiKey:
    """The key in the variable `name`, or in OPENAI_API_KEY if that is set; an empty name stands for no key.

    Raises ConfigError where a variable was named and is not set, or holds what no header can carry. The message holds
    neither the value nor a name that may be the key itself.
    """
    if name == "":
        return ApiKey("")
    if name is not None and not _NAME.fullmatch(name):
        raise ConfigError(
            "`api_key_env` is the name of an environment variable (capitals) that holds the key, not the key itself"
        )
    value = os.environ.get(name or DEFAULT_NAME, "").strip()
    if not value:
        if name is None:
            return ApiKey("")
        raise ConfigError(f"`api_key_env` names the environment variable {name}, which is not set")
    if not _SENDABLE.fullmatch(value):
        raise ConfigError(f"the key in {name or DEFAULT_NAME} holds characters that no HTTP header can carry")
    return ApiKey(value)


__all__ = ["ApiKey", "read_key"]
