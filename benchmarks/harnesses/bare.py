"""The server with no harness before it: prompts sent as they stand, as a process of its own.

    python benchmarks/harnesses/bare.py URL ROWS OUT [--leaders]

`--leaders`: the first question on each context goes alone, the others when its reply has begun to come, as the cache
wants it; otherwise as many at once as the server runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import aiohttp

REPLY = 8  # tokens
AT_ONCE = 32


async def ask(client: aiohttp.ClientSession, url: str, row: dict[str, str]) -> tuple[str, str]:
    """Id and reply."""
    message = {"role": "user", "content": row["prompt"]}
    body = {"model": "archive", "messages": [message], "max_tokens": REPLY, "temperature": 0}
    async with client.post(f"{url}/v1/chat/completions", json=body) as response:
        told: dict[str, Any] = await response.json()
        return row["id"], told["choices"][0]["message"]["content"]


async def in_order(client: aiohttp.ClientSession, url: str, rows: Sequence[dict[str, str]]) -> list[tuple[str, str]]:
    """All of them, so many at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(row: dict[str, str]) -> tuple[str, str]:
        async with slots:
            return await ask(client, url, row)

    return await asyncio.gather(*map(one, rows))


async def leaders(client: aiohttp.ClientSession, url: str, rows: Sequence[dict[str, str]]) -> list[tuple[str, str]]:
    """The first on each context alone; its followers, and with them the next leader."""
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row["context"])]
    found: list[tuple[str, str]] = []
    followers: list[dict[str, str]] = []
    for first, *rest in groups:
        found += await asyncio.gather(*(ask(client, url, row) for row in (*followers, first)))
        followers = rest
    return found + await asyncio.gather(*(ask(client, url, row) for row in followers))


async def main() -> None:
    """Ask everything, write the replies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--leaders", action="store_true")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.rows.read_text().splitlines()]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        found = await (leaders if given.leaders else in_order)(client, given.url, rows)
    (given.out / "replies.json").write_text(json.dumps(dict(found)))


if __name__ == "__main__":
    asyncio.run(main())
