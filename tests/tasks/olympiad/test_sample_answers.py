"""Every answer of the shipped problems, computed by other means than its solution: brute force, exact or numeric."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

FILE = Path(__file__).resolve().parents[3] / "tasks" / "olympiad" / "sample" / "problems.jsonl"
ROWS = {row["id"]: row for row in map(json.loads, FILE.read_text(encoding="utf-8").splitlines())}

CHECKS: dict[str, Callable[[], Any]] = {}


def checks(id: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def register(compute: Callable[[], Any]) -> Callable[[], Any]:
        CHECKS[id] = compute
        return compute

    return register


@checks("alg-1")
def _() -> Any:
    values = {sp.simplify(t**3 - 1 / t**3) for t in sp.solve(sp.Symbol("t") ** 2 - 4 * sp.Symbol("t") - 1)}
    return values.pop() if len(values) == 1 else values


@checks("alg-2")
def _() -> Any:
    m, d, k = sp.symbols("m d k", real=True)
    x = sp.Symbol("x")
    difference = sp.Poly((x - m + d) * (x - m) * (x - m - d) - (x**3 - 12 * x**2 + k * x - 28), x)
    return {s[k] for s in sp.solve(difference.all_coeffs(), [m, d, k], dict=True)}.pop()


@checks("alg-3")
def _() -> Any:
    from scipy.optimize import minimize

    least = minimize(lambda v: math.exp(v[0]) + 4 * math.exp(v[1]) + 16 * math.exp(-v[0] - v[1]), [0.3, -0.2]).fun
    return pytest.approx(least, abs=1e-6)


@checks("alg-4")
def _() -> Any:
    f = {1: 3}
    for n in range(1, 40):
        f[n + 1] = f[n] + f[1] + n
    assert all(f[m + n] == f[m] + f[n] + m * n for m in range(1, 20) for n in range(1, 20))
    return f[40]


@checks("alg-5")
def _() -> Any:
    total = math.fsum(1 / (k * math.sqrt(k + 1) + (k + 1) * math.sqrt(k)) for k in range(1, 169))
    return pytest.approx(total, abs=1e-12)


@checks("alg-6")
def _() -> Any:
    """The conditions are a circle: walk round it."""
    u, v = (1 / math.sqrt(2), -1 / math.sqrt(2), 0.0), tuple(c / math.sqrt(6) for c in (1, 1, -2))
    best = 0.0
    for i in range(7200):
        a = 2 * math.pi * i / 7200
        point = [math.sqrt(6) * (math.cos(a) * p + math.sin(a) * q) for p, q in zip(u, v, strict=True)]
        best = max(best, sum(c**5 for c in point))
    return pytest.approx(best, abs=1e-4)


@checks("alg-7")
def _() -> Any:
    x = sp.Symbol("x")
    return sp.interpolate([(k, 2**k) for k in range(6)], x).subs(x, 7)


@checks("alg-8")
def _() -> Any:
    x = sp.Symbol("x")
    f = sp.Poly(((x**2 - 2) ** 2 - 2) ** 2 - 2 - x, x)
    roots = f.nroots(n=30)
    assert all(abs(sp.im(r)) < 1e-20 for r in roots) and len({round(float(sp.re(r)), 9) for r in roots}) == 8
    return pytest.approx(float(sum(sp.re(r) ** 2 for r in roots)), abs=1e-9)


@checks("num-1")
def _() -> Any:
    return (pow(7, 2026, 512) + pow(9, 2026, 512)) % 512


@checks("num-2")
def _() -> Any:
    n = math.factorial(10)
    return sum(n % (r * r) == 0 for r in range(1, math.isqrt(n) + 1))


@checks("num-3")
def _() -> Any:
    """Beyond n = 48 the next square is more than 96 away."""
    return tuple(n for n in range(1, 49) if math.isqrt(n * n + 96) ** 2 == n * n + 96)


@checks("num-4")
def _() -> Any:
    zeros, factorial = set(), 1
    for n in range(1, 420):
        factorial *= n
        digits = str(factorial)
        zeros.add(len(digits) - len(digits.rstrip("0")))
    return sum(k not in zeros for k in range(1, 101))


@checks("num-5")
def _() -> Any:
    """Only a check up to 3,000: that there are no others is the solution's part."""
    return tuple(p for p in sp.primerange(3000) if sp.divisor_count(p * p + 23) == 14)


@checks("num-6")
def _() -> Any:
    return max(n for n in range(1, 5000) if (n**3 + 2 * n + 5) % (n + 7) == 0)


@checks("num-7")
def _() -> Any:
    return sum((pow(2, n, 7) - n * n) % 7 == 0 for n in range(1, 2101))


@checks("num-8")
def _() -> Any:
    powers = {3**y: y for y in range(1, 140)}
    return tuple(pair for x in range(1, 200) if 2**x + 17 in powers for pair in (x, powers[2**x + 17]))


@checks("com-1")
def _() -> Any:
    return sum(all(b - a > 1 for a, b in itertools.pairwise(s)) for s in itertools.combinations(range(1, 11), 4))


@checks("com-2")
def _() -> Any:
    strings = map("".join, itertools.product("01", repeat=12))
    return sum("000" not in s and "111" not in s for s in strings)


@checks("com-3")
def _() -> Any:
    pairs = list(itertools.combinations(range(1, 21), 2))
    return Fraction(sum((a + b) % 3 == 0 for a, b in pairs), len(pairs))


@checks("com-4")
def _() -> Any:
    @cache
    def paths(x: int, y: int) -> int:
        if min(x, y) < 0 or (x, y) in {(2, 2), (4, 4)}:
            return 0
        return 1 if (x, y) == (0, 0) else paths(x - 1, y) + paths(x, y - 1)

    return paths(6, 6)


@checks("com-5")
def _() -> Any:
    def good(row: tuple[int, ...]) -> bool:
        return all(any(abs(row[i] - v) == 1 for v in row[:i]) for i in range(1, 7))

    return sum(map(good, itertools.permutations(range(1, 8))))


@checks("com-6")
def _() -> Any:
    return len({min(c[i:] + c[:i] for i in range(7)) for c in itertools.product(range(3), repeat=7)})


@checks("com-7")
def _() -> Any:
    """Largest number by which of the last five integers were chosen."""
    best = {(0,) * 5: 0}
    for _ in range(100):
        after: dict[tuple[int, ...], int] = {}
        for window, count in best.items():
            for take in (0, 1) if not window[-2] and not window[-5] else (0,):
                key = (*window[1:], take)
                after[key] = max(after.get(key, 0), count + take)
        best = after
    return max(best.values())


@checks("com-8")
def _() -> Any:
    wins = [False]
    for n in range(1, 2027):
        wins.append(any(not wins[n - m] for m in (1, 3, 4) if m <= n))
    return sum(not w for w in wins[1:])


@checks("geo-1")
def _() -> Any:
    a, b, c = sp.Point(0, 0), sp.Point(14, 0), sp.Point(5, 12)
    assert {a.distance(b), b.distance(c), c.distance(a)} == {13, 14, 15}
    triangle = sp.Triangle(a, b, c)
    return triangle.incenter.distance(triangle.circumcenter)


@checks("geo-2")
def _() -> Any:
    s = sp.Symbol("s", positive=True)
    return sp.solve(sp.Point(s, s).distance(sp.Line((20, 0), (0, 21))), s)[0]


@checks("geo-3")
def _() -> Any:
    """The circle whose four arcs close up, by bisection on its radius; then the chord over the arcs BC and CD."""
    sides = (7, 24, 20, 15)
    low, high = 12.0, 100.0
    for _ in range(200):
        r = (low + high) / 2
        low, high = (r, high) if sum(2 * math.asin(s / 2 / r) for s in sides) > 2 * math.pi else (low, r)
    return pytest.approx(2 * low * math.sin(math.asin(24 / 2 / low) + math.asin(20 / 2 / low)), abs=1e-6)


@checks("geo-4")
def _() -> Any:
    from scipy.integrate import quad

    def height(x: float) -> float:
        return min(math.sqrt(36 - x * x), math.sqrt(36 - (6 - x) ** 2), 6.0)

    return pytest.approx(quad(height, 0, 3)[0] + quad(height, 3, 6)[0], abs=1e-6)


@checks("geo-5")
def _() -> Any:
    corners = [sp.Point3D(*c) for c in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    scale = sp.Integer(6) / corners[0].distance(corners[1])
    edges = [sp.Line3D(p, q) for p, q in itertools.combinations(corners, 2)]
    distances = {sp.simplify(edge.distance(sp.Point3D(0, 0, 0))) for edge in edges}
    return sp.simplify(distances.pop() * scale) if len(distances) == 1 else distances


@checks("geo-6")
def _() -> Any:
    a, b, c = sp.Point(0, 0), sp.Point(4, 0), sp.Point(0, 4)
    lines = [
        sp.Line(p, q + (r - q) * sp.Rational(1, 4)) for p, q, r in ((a, b, c), (b, c, a), (c, a, b))
    ]
    inner = [lines[i].intersection(lines[i - 1])[0] for i in range(3)]
    return abs(sp.Triangle(*inner).area) / sp.Triangle(a, b, c).area * 39


GOLD: dict[str, Any] = {
    "alg-5": 12 / 13, "com-3": Fraction(32, 95), "geo-1": sp.sqrt(65) / 8, "geo-2": sp.Rational(420, 41),
    "geo-4": 12 * math.pi - 9 * math.sqrt(3), "geo-5": 3 * sp.sqrt(2) / 2, "num-3": (2, 5, 10, 23), "num-8": (6, 4),
    "num-5": (13,),
}  # fmt: skip
"""What the LaTeX of an answer means, where it is more than an integer; the next test ties the two together."""


@pytest.mark.parametrize("id", ROWS)
def test_the_answer_is_what_an_independent_computation_gives(id: str) -> None:
    gold = GOLD.get(id) or int(ROWS[id]["answer"])
    assert CHECKS[id]() == gold


@pytest.mark.parametrize("id", GOLD)
def test_the_written_answer_means_the_checked_value(id: str) -> None:
    from math_verify import parse, verify

    gold = GOLD[id]
    if isinstance(gold, tuple):
        assert tuple(int(n) for n in ROWS[id]["answer"].strip("()").split(",")) == gold
    elif isinstance(gold, float):
        assert float(parse(f"${ROWS[id]['answer']}$")[0].evalf()) == pytest.approx(gold)
    else:
        assert verify(parse(f"${ROWS[id]['answer']}$"), [sp.sympify(gold)])


def test_the_set_is_spread_over_subjects_and_levels() -> None:
    assert len(ROWS) == 30
    assert {row["subject"] for row in ROWS.values()} == {"algebra", "number theory", "combinatorics", "geometry"}
    levels = [row["level"] for row in ROWS.values()]
    assert all(levels.count(level) >= 8 for level in ("entry", "contest", "olympiad"))


@pytest.mark.parametrize("id", ROWS)
def test_every_problem_has_a_solution_and_a_scheme_of_seven_points(id: str) -> None:
    row = ROWS[id]
    assert len(row["solution"]) > 200
    assert sum(c["points"] for c in row["scheme"]["checkpoints"]) == 7
    assert all(c["text"] and c["points"] > 0 for c in row["scheme"]["checkpoints"])
    assert row["scheme"]["zero_credit"]
