"""What is asked in which order: `order` (the prefix tree), `blend` (from its two ends), `budget` (what fits),
`admission` (what may start now) and `length` (how long replies are).

Order, blend and budget are the runner's; admission is kept by the engines that hold a key-value cache.
"""

from __future__ import annotations

from evalkit.plan.blend import blended
from evalkit.plan.budget import Overflow, overflows, refuse
from evalkit.plan.order import depth_first

__all__ = ["Overflow", "blended", "depth_first", "overflows", "refuse"]
