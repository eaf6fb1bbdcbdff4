"""What the HTTP engine costs: a whole run against a local server that answers every request after 50 ms.

Measures requests a second at 32 and 256 connections against what 50 ms allow, the CPU time of evalkit's own process
for a request (everything included: asking, sending, reading, storing durably; and once with one request in a hundred
failing at first), and the memory of a run over a shared text of 4 MB. Server and client are two processes.

    python benchmarks/http_client.py [--json] [--record]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import Figure, add_option, record

CATALOGUE = Path(__file__).resolve().parent.parent / "tests" / "catalogue"
ANSWERS_IN = 0.05  # seconds
MEGABYTES = 4
CONFIG = """
name: http-client
tasks:
  - task: capitals/one
    options: {{data: {folder}/rows.jsonl, preamble: "{preamble}"}}
    graders: [match]
candidates:
  - {{name: served, engine: http, model: m, options: {{base_url: "{url}", concurrency: {concurrency}}}}}
"""
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
BODY = {
    "choices": [{"message": {"role": "assistant", "content": "City"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 1},
}


def http(status: str, body: object) -> bytes:
    """A whole reply."""
    text = json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


class Answering(asyncio.Protocol):
    """A server with as little of its own as can be: counts bytes, waits, answers."""

    count = 0
    fail_every = 0
    good, failed, models = http("200 OK", BODY), http("500 Oops", {}), http("200 OK", {"data": [{"id": "m"}]})

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.head, self.missing = transport, b"", 0

    def data_received(self, data: bytes) -> None:
        """A part of a request; one is answered at a time, as clients without pipelining ask."""
        if not self.missing:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = LENGTH.search(self.head, 0, end)
            if length is None:
                self.head = b""
                self.transport.write(self.models)
                return
            self.missing, data, self.head = int(length[1]), self.head[end + 4 :], b""
        self.missing -= len(data)
        if not self.missing:
            Answering.count += 1
            failing = self.fail_every and Answering.count % self.fail_every == 0
            answer = self.failed if failing else self.good
            asyncio.get_running_loop().call_later(ANSWERS_IN, self.transport.write, answer)


async def serve(fail_every: int) -> None:
    """Serve until killed; the port goes to standard output."""
    Answering.fail_every = fail_every
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def child(folder: Path) -> None:
    """One run in a process of its own; prints what asking took, in seconds and in CPU seconds, and peak memory."""
    import evalkit as ek
    from evalkit.observer import Silent, Stretch

    marks: dict[str, tuple[float, float]] = {}

    class Watch(Silent):
        def stretch(self, who: str, task: str, what: str, total: int) -> Stretch:
            marks[what.split(" ")[0]] = (time.perf_counter(), time.process_time())
            return self

    run = ek.run(folder / "run.yaml", out=folder / "run", catalogue=ek.Catalogue([CATALOGUE]), observer=Watch())
    assert not run.errors
    (start, busy), (end, done) = marks["answering"], marks["grading"]
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": end - start, "cpu": done - busy, "rss_mb": rss}))


def measure(samples: int, concurrency: int, preamble: str = "", fail_every: int = 0) -> dict[str, float]:
    """A server, and a run against it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(fail_every)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
            with (folder / "rows.jsonl").open("w") as rows:
                for i in range(samples):
                    rows.write(json.dumps({"id": f"c{i}", "country": f"Land{i}", "capital": "City"}) + "\n")
            config = CONFIG.format(folder=folder, url=url, concurrency=concurrency, preamble=preamble)
            (folder / "run.yaml").write_text(config)
            command = [sys.executable, __file__, "--child", name]
            environment = {k: v for k, v in os.environ.items() if k != "OPENAI_API_KEY"}
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
            found: dict[str, float] = json.loads(done.stdout)
            return found
        finally:
            server.kill()
            server.wait()


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    add_option(parser)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    if arguments.serve is not None:
        asyncio.run(serve(arguments.serve))
        return
    text = "a word and " * (MEGABYTES * 1024 * 1024 // 11)
    measure(100, 32)  # a warm-up, so that the byte code is there
    narrow, wide, failing = measure(6_144, 32), measure(20_480, 256), measure(20_480, 256, fail_every=100)
    alone, shared = measure(16, 1, text), measure(256, 64, text)
    figures = {
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "per_second_at_32": 6_144 / narrow["seconds"],
        "share_of_possible_at_32": 6_144 / narrow["seconds"] / (32 / ANSWERS_IN),
        "cpu_ms_at_32": narrow["cpu"] / 6_144 * 1000,
        "per_second_at_256": 20_480 / wide["seconds"],
        "cpu_ms_at_256": wide["cpu"] / 20_480 * 1000,
        "per_second_at_256_1%_failing": 20_480 / failing["seconds"],
        "cpu_ms_at_256_1%_failing": failing["cpu"] / 20_480 * 1000,
        "rss_mb_256_connections": wide["rss_mb"],
        "rss_mb_4mb_prompts_at_1": alone["rss_mb"],
        "rss_mb_4mb_prompts_at_64": shared["rss_mb"],
        "mb_per_second_4mb_prompts": 256 * MEGABYTES / shared["seconds"],
    }
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value:12,.2f}")
    if arguments.record:
        record("http_client", lines(figures))


def lines(found: dict[str, Any]) -> list[Figure]:
    """The lines of the documentation's table."""
    server = "`http` against a server that answers in 50 ms"
    share, wide = found["share_of_possible_at_32"], found["per_second_at_256"]
    cpu = max(value for name, value in found.items() if name.startswith("cpu_ms"))
    alone, many = found["rss_mb_4mb_prompts_at_1"], found["rss_mb_4mb_prompts_at_64"]
    return [
        Figure(f"{server}, 32 at once", f"{found['per_second_at_32']:.0f} requests/s, {share:.0%} of the possible",
               "90 %", share >= 0.9),
        Figure(f"{server}, 256 at once", f"{wide:,.0f} requests/s", "2,000", wide >= 2000),
        Figure(f"{server}: processor time a request, retries and storing included", f"at most {cpu:.2f} ms", "0.4 ms",
               cpu <= 0.4),
        Figure("`http`: memory with 4 MB prompts, 1 and 64 at once", f"{alone:.0f} and {many:.0f} MB", "no growth",
               many - alone < MEGABYTES * 2),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
