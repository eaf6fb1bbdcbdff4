"""What is asked in which order: `order` (the prefix tree), `budget` (what fits), `admission` (what may start now).

Order and budget are the runner's; admission is kept by the engines that hold a key-value cache.
"""

from __future__ import annotations

from evalkit.plan.budget import Overflow, overflows, refuse
from evalkit.plan.order import depth_first

__all__ = ["Overflow", "depth_first", "overflows", "refuse"]
