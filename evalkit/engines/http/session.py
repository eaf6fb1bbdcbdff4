"""One exchange with the server: a request sent, the whole body of its reply, or a failure in words.

Connections are kept and shared. Three clocks watch an exchange: until somebody answers the call, between two stretches
of a reply that has begun, and over all of it. A streamed reply begins with its first piece, for which a long prompt may
let us wait, though its headers came at once. Proxies are those of the environment, looked up once.
"""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from evalkit.engines.http.failures import Failure, refused
from evalkit.engines.http.key import ApiKey
from evalkit.engines.http.retry import retry_after
from evalkit.errors import ConfigError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
KEEP_ALIVE = 4.0  # seconds; uvicorn, on which most servers stand, hangs up after 5, perhaps just as we send


def checked_address(base_url: str) -> str:
    """An address without its last slash. Raises ConfigError, which does not repeat it: there may be a key inside."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError("`base_url` begins with http:// or https://, as in http://localhost:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "`base_url` holds no user, password or query: a key is read from the variable named by `api_key_env`"
        )
    if parts.path.rstrip("/").endswith("/completions"):
        raise ConfigError("`base_url` ends before /chat/completions, which the engine adds itself")
    return base_url.rstrip("/")


class Clocks(msgspec.Struct, frozen=True):
    """Seconds that an exchange may take."""

    connect: float
    stall: float
    """Between two stretches of a reply that has begun."""
    total: float


class Session:
    """Connections to one server. Made anywhere, used in one event loop."""

    def __init__(self, base_url: str, key: ApiKey, clocks: Clocks) -> None:
        self.base_url = base_url
        self._key = key
        self._clocks = clocks
        self._client: aiohttp.ClientSession | None = None
        self.streams = True
        """Whether the server takes requests for a streamed reply, as far as is known."""

    async def exchange(
        self,
        method: str,
        path: str,
        data: Any = None,
        heard: Callable[[bytes], None] | None = None,
        *,
        beside: bool = False,
    ) -> bytes | Failure:
        """The body of a reply of status 200, or why there is none. The API key is in neither.

        `heard` is given each piece of a streamed reply as it comes. `beside`: the path stands beside the address's
        /v1 and not below it.
        """
        base = self.base_url.removesuffix("/v1") if beside else self.base_url
        try:
            answer = await self._exchange(method, base + path, data, heard)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            answer = self._broken(error)
        if isinstance(answer, Failure):
            return msgspec.structs.replace(answer, reason=self._key.hide(answer.reason))
        return answer

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _exchange(
        self, method: str, url: str, data: Any, heard: Callable[[bytes], None] | None
    ) -> bytes | Failure:
        client = self._client = self._client or self._open()
        clock = asyncio.get_running_loop().time
        latest = clock() + self._clocks.total
        async with client.request(method, url, data=data, allow_redirects=False) as response:
            try:
                body = self._key.hide_bytes(await self._read(response.content, heard))
            except TimeoutError:
                if clock() >= latest:
                    raise
                return Failure(f"the reply stalled: nothing came for {self._clocks.stall:g} s", congested=True)
            except aiohttp.ClientPayloadError:
                return Failure(f"the connection closed in the middle of the reply (status {response.status})")
            if response.status == 200:
                return body
            failure = refused(response.status, body, retry_after(response.headers))
            target = response.headers.get("Location")
            if target and 300 <= response.status < 400:
                failure = Failure(f"HTTP {response.status}: moved to {target}", "run")
            return failure

    async def _read(self, stream: aiohttp.StreamReader, heard: Callable[[bytes], None] | None) -> bytes:
        parts: list[bytes] = []
        while not stream.at_eof():
            if stream.is_eof():  # all of it is here already, as for most replies: no clock is needed
                parts.append(stream.read_nowait())
            elif heard is not None and not parts:
                parts.append(await stream.readany())
            else:
                async with asyncio.timeout(self._clocks.stall):
                    parts.append(await stream.readany())
            if heard is not None:
                heard(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _broken(self, error: Exception) -> Failure:
        where = urlsplit(self.base_url).netloc
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return Failure(f"{where} did not answer the call within {self._clocks.connect:g} s", unreachable=True)
        if isinstance(error, aiohttp.ClientConnectorError):
            cause: Exception = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
            return Failure(f"nobody answers at {where}: {_plain(cause)}", unreachable=True)
        if isinstance(error, TimeoutError):
            return Failure(f"no reply within {self._clocks.total:g} s", congested=True)
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return Failure("the connection closed before the reply began")
        return Failure(f"the connection broke: {_plain(error)}")

    def _open(self) -> aiohttp.ClientSession:
        server = urlsplit(self.base_url)
        proxy = None
        if server.hostname not in LOOPBACK and not urllib.request.proxy_bypass(server.netloc):
            proxy = urllib.request.getproxies().get(server.scheme)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),  # how many is the slots' affair
            timeout=aiohttp.ClientTimeout(total=self._clocks.total, sock_connect=self._clocks.connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "User-Agent": "evalkit", **self._key.headers},
            proxy=proxy,
        )


def _plain(error: Exception) -> str:
    """An exception in one line; its `str` may be empty, its `repr` may hold the headers that were sent."""
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:  # asyncio's own text holds the address once more
        return os.strerror(number)
    return str(error).split("\n")[0] or type(error).__name__


__all__ = ["Clocks", "Session", "checked_address"]
