"""How long to wait before asking again: what the server asked for, else a random time that doubles its range.

"Full jitter" (the pause is drawn from zero to the whole range) spreads requests that failed together, so that they do
not come back together. A date in `Retry-After` is measured by the server's own clock where it states one: ours may be
wrong, or be set while we wait.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_RANGE = 0.5  # seconds
LONGEST_RANGE = 60.0  # seconds
LONGEST_WAIT = 600.0  # seconds; a server that asks for more is not waited for


def pause(attempt: int, wait: float | None, rng: random.Random) -> float:
    """Seconds before the attempt that follows number `attempt` (from 1); at least what the server asked for."""
    spread = rng.uniform(0.0, min(LONGEST_RANGE, FIRST_RANGE * 2.0 ** (attempt - 1)))
    return (wait or 0.0) + spread


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or an HTTP date; None where it is absent or unreadable."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        then = _date(value)
        if then is None:
            return None
        now = _date(headers.get("Date", "")) or datetime.fromtimestamp(time.time(), UTC)
        seconds = (then - now).total_seconds()
    return max(0.0, seconds) if seconds == seconds else None


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


__all__ = ["LONGEST_WAIT", "pause", "retry_after"]
