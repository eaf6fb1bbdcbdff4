"""Figures: every score is in them, at its place, and they need nothing from outside."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow as pa
import pytest

from evalkit.errors import ConfigError
from evalkit.report.figures import COLOURS, HEIGHT, length_figures, palette, save_figure, to_svg
from evalkit.report.labels import interval, tokens
from evalkit.stats.summary import summarise

SVG = "{http://www.w3.org/2000/svg}"


def points(svg: str) -> dict[str, float]:
    """What a screen reader is told of each point, with the point's height in the picture."""
    marks = [e for e in ET.fromstring(svg).iter(f"{SVG}path") if e.get("aria-roledescription") == "point"]
    return {m.get("aria-label", ""): float(m.get("transform", "").rstrip(")").split(",")[1]) for m in marks}


@pytest.fixture(scope="module")
def drawn(scores: pa.Table) -> dict[str, str]:
    """The SVG of every kind of task."""
    figures = length_figures(summarise(scores))
    assert [(f.title, f.metric, f.points) for f in figures] == [
        ("town/rag", "em (match)", 6), ("town/retrieval", "em (match)", 6),
    ]  # fmt: skip
    return {f.title: to_svg(f.chart) for f in figures}


def test_every_primary_score_with_a_length_is_a_point_at_its_height(scores: pa.Table, drawn: dict[str, str]) -> None:
    expected: dict[str, dict[str, float]] = {kind: {} for kind in drawn}
    for s in summarise(scores):
        if s.primary and s.length:
            says = f"{s.candidate} at {tokens(s.length)} tokens: {s.mean:.2f} {interval(s)}, n = {s.n}"
            expected[s.task.partition("@")[0]][says] = HEIGHT * (1 - s.mean)
    for kind, svg in drawn.items():
        assert points(svg) == pytest.approx(expected[kind], abs=1e-3)


def test_lengths_are_named_as_tasks_name_them(drawn: dict[str, str]) -> None:
    said = [e.text for e in ET.fromstring(drawn["town/rag"]).iter(f"{SVG}text")]
    assert [t for t in said if t in {"1k", "2k", "4k"}] == ["1k", "2k", "4k"]
    assert {"small", "large", "em (match)"} <= set(said)


def test_token_names() -> None:
    assert [tokens(n) for n in (500, 1000, 1500, 128_000, 10**6)] == ["500", "1k", "1.5k", "128k", "1m"]


def test_a_candidate_keeps_its_colour_in_all_charts(scores: pa.Table) -> None:
    summaries = summarise(scores)
    assert [colour for colour, _ in palette(summaries).values()] == list(COLOURS[:2])
    for figure in length_figures(summaries):
        spec = figure.chart.to_dict()
        domain = spec["layer"][-1]["encoding"]["color"]["scale"]
        assert dict(zip(domain["domain"], domain["range"], strict=True)) == {"small": COLOURS[0], "large": COLOURS[1]}


def test_a_point_without_a_score_is_left_out_of_the_line(scores: pa.Table) -> None:
    rows = scores.to_pylist()
    for r in rows:
        if r["task"] == "town/rag@4k" and r["candidate"] == "small":
            r.update(status="skipped", answer="skipped", value=None)
    figure = length_figures(summarise(pa.Table.from_pylist(rows, schema=scores.schema)))[0]
    assert figure.points == len(points(to_svg(figure.chart))) == 5


def test_hostile_names_stay_text(hostile: pa.Table) -> None:
    svg = to_svg(length_figures(summarise(hostile))[0].chart)
    assert "<script" not in svg
    assert any(e.text == "<script>alert('&\"x\")</script>" for e in ET.fromstring(svg).iter(f"{SVG}text"))


def test_figures_are_written_as_svg_and_png_and_nothing_else(scores: pa.Table, tmp_path: Path) -> None:
    summaries = summarise(scores)
    svg = save_figure(tmp_path / "a.svg", summaries).read_text(encoding="utf-8")
    assert len(points(svg)) == 12
    png = save_figure(tmp_path / "a.png", summaries).read_bytes()
    assert png.startswith(b"\x89PNG")
    assert len(png) > 10_000
    with pytest.raises(ConfigError, match=r"svg or \.png, not as 'a\.pdf'"):
        save_figure(tmp_path / "a.pdf", summaries)
    assert not (tmp_path / "a.pdf").exists()


def test_one_length_is_no_figure(scores: pa.Table, tmp_path: Path) -> None:
    short = [s for s in summarise(scores) if s.length in {None, 1000}]
    assert length_figures(short) == []
    with pytest.raises(ConfigError, match="no task of the run has two lengths"):
        save_figure(tmp_path / "a.svg", short)
