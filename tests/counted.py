"""A slow engine that writes down every request it generates, for the tests that kill runs.

Run as a program: `python counted.py RUN_DIR LOG CATALOGUE` runs the `tiny` config with it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from evalkit.engines import ENGINES
from evalkit.protocols import Engine
from evalkit.records import Completion, Request

SECONDS = 0.004


class Counted(Engine):
    """Answers right for two of three samples; `model` is the log file."""

    fingerprint = "counted"

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        assert self.model is not None
        log = os.open(self.model, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        kill_after, delay = int(os.environ.get("KILL_AFTER", -1)), float(os.environ.get("KILL_DELAY", 0))
        for number, request in enumerate(requests):
            if number == kill_after:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
            os.write(log, request.key.hex().encode() + b"\n")
            time.sleep(SECONDS)
            place = int(request.sample.id[1:])
            yield Completion(request.key, f"City{place}" if place % 3 else f"Nowhere{request.seed}")
        os.close(log)


def main() -> None:
    """Run (or go on with) the tiny config in RUN_DIR."""
    import evalkit as ek

    folder, log, catalogue = sys.argv[1:]
    ENGINES["counted"] = ("counted:Counted", "counts")
    sys.path.insert(0, str(Path(__file__).parent))
    overrides = ["candidates.0.engine=counted", f"candidates.0.model={log}"]
    ek.run("tiny", out=folder, overrides=overrides, catalogue=ek.Catalogue([Path(catalogue)]))


if __name__ == "__main__":
    main()
