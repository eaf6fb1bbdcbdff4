"""When vLLM's engine process ends, whoever waits for it hears of it.

vLLM (0.32) notices that its engine process is gone and closes its own end, but says nothing to a caller who waits for
the next output: after a `kill -9`, or the kernel's when memory runs out, a run would wait for ever. The thread that
receives outputs ends in any case; when it does, nothing more can come, and that is put where the caller waits.
"""

from __future__ import annotations

import threading
from typing import Any

from evalkit.errors import EngineError


def report_death(engine: Any) -> None:
    """Have `engine.step()` raise once the engine process is gone."""
    core = engine.engine_core
    receiver, outputs = getattr(core, "output_queue_thread", None), getattr(core, "outputs_queue", None)
    if receiver is None or outputs is None:  # an engine in this very process
        return

    def wait() -> None:
        receiver.join()
        outputs.put_nowait(RuntimeError("nothing more comes"))

    threading.Thread(target=wait, name="vllm-death", daemon=True).start()


def died(in_flight: int, error: Exception) -> EngineError:
    """What ends the run, in a sentence."""
    requests = f"{in_flight:,} {'request' if in_flight == 1 else 'requests'} in flight"
    if type(error).__name__ == "EngineDeadError":  # its own text points to a stack trace that is nowhere
        return EngineError(f"vLLM died with {requests}: its engine process has ended (killed, or out of memory)")
    reason = (str(error).strip() or type(error).__name__).split("\n")[0]
    return EngineError(f"vLLM died with {requests}: {reason}")


__all__ = ["died", "report_death"]
