"""The table of `docs/performance.md`, written from what the benchmarks recorded.

    python benchmarks/table.py [--page docs/performance.md]

Everything between the two comment lines `<!-- figures -->` and `<!-- /figures -->` is replaced by a table of all
figures in `benchmarks/results`; the rest of the page is left as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from record import RESULTS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
HEAD = ("what", "command", "measured", "wanted", "when and where")


def rows() -> list[dict[str, Any]]:
    """All recorded figures, those of one script together."""
    return [figure for path in sorted(RESULTS.glob("*.json")) for figure in json.loads(path.read_text())]


def table(figures: list[dict[str, Any]]) -> str:
    """A Markdown table; what was wanted and not reached says so."""
    lines = [HEAD, ("---",) * len(HEAD), *map(_row, figures)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _row(figure: dict[str, Any]) -> tuple[str, ...]:
    command = figure["command"].removeprefix("python benchmarks/")
    machine = figure["machine"]
    missed = " (**missed**)" if figure["met"] is False else ""
    where = f"{figure['date']}, {machine['cores']} cores, load {machine['load']}"
    return figure["what"], f"`{command}`", figure["measured"] + missed, figure["wanted"], where


def main() -> None:
    """Replace the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, default=PAGE)
    page = parser.parse_args().page
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        sys.exit(f"{page}: needs one line {BEGIN} and, below it, one line {END}: the table goes between them")
    figures = rows()
    if not figures:
        sys.exit("nothing is recorded: run a benchmark with --record first")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table(figures)}\n{END}{after}", encoding="utf-8")
    print(f"{len(figures)} figures written to {page}")


if __name__ == "__main__":
    main()
