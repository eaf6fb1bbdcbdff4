"""The command line as a user meets it: real processes, exit codes, one sentence for each mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CATALOGUE = ["--catalogue", str(TESTS / "catalogue")]

Evalkit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def evalkit(tmp_path: Path) -> Evalkit:
    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "evalkit.cli", *arguments]
        env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", **environment}
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=120)

    return call


def test_a_run_prints_scores_with_intervals_and_where_it_lies(evalkit: Evalkit, capitals: Callable[..., Path]) -> None:
    capitals(30)
    done = evalkit("run", "tiny", *CATALOGUE)
    assert done.returncode == 0, done.stderr
    assert "0.67" in done.stdout and "runs/tiny" in done.stdout
    again = evalkit("run", "tiny", *CATALOGUE)
    assert again.returncode == 0 and again.stdout == done.stdout
    as_json = evalkit("run", "tiny", *CATALOGUE, "--json")
    primary = next(s for s in json.loads(as_json.stdout)["summary"] if s["primary"])
    assert primary["n"] == 30 and primary["mean"] == pytest.approx(2 / 3)
    assert primary["low"] < primary["mean"] < primary["high"]


def test_a_report_is_one_page_that_needs_nothing_else(
    evalkit: Evalkit, capitals: Callable[..., Path], tmp_path: Path
) -> None:
    capitals(12)
    assert evalkit("run", "tiny", *CATALOGUE, "--out", "r").returncode == 0
    done = evalkit("report", "r")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "r" / "report.html").read_text()
    assert "capitals/one" in page and "parrot" in page
    assert 'src="http' not in page and 'href="http' not in page


def write_config(folder: Path, change: Callable[[str], str]) -> Path:
    text = (TESTS / "catalogue" / "configs" / "tiny.yaml").read_text()
    path = folder / "changed.yaml"
    path.write_text(change(text))
    return path


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("name: tiny", "nmae: tiny", "unknown key 'nmae'; did you mean 'name'?"),
        ("capitals/one", "capitol/one", "no task 'capitol'; did you mean 'capitals'?"),
        ("capitals/one", "capitals/on", "no variant 'on'; did you mean 'one'?"),
        ("data:", "dta:", "unknown key 'dta'; did you mean 'data'?"),
        ("engine: replay", "engine: reply", "no engine 'reply'; did you mean 'replay'?"),
        ("replies.jsonl", "replys.jsonl", "no file"),
        ("    options: {data", "    graders: [exakt]\n    options: {data", "no grader 'exakt'; did you mean 'exact'?"),
        ("name: parrot", "name: parrot\n    tasks: [loft/*]", "candidate 'parrot' is asked nothing"),
        ("engine: replay", "engine: hf", "no model"),
    ],
)
def test_a_mistake_in_the_config_is_one_sentence_and_nothing_is_written(
    evalkit: Evalkit, capitals: Callable[..., Path], tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    capitals(3)
    path = write_config(tmp_path, lambda text: text.replace(old, new, 1))
    done = evalkit("run", str(path), *CATALOGUE)
    if "no model" in sentence:
        assert "replies.jsonl" in done.stderr
    else:
        assert sentence in done.stderr
    assert done.returncode == 2
    assert done.stderr.startswith("evalkit: ") and done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == "" and not (tmp_path / "runs").exists()


def test_a_broken_line_is_named_by_file_and_number(
    evalkit: Evalkit, capitals: Callable[..., Path], tmp_path: Path
) -> None:
    capitals(3)
    replies = tmp_path / "replies.jsonl"
    replies.write_text(replies.read_text() + '{"id": "c9", "text": \n')
    done = evalkit("run", "tiny", *CATALOGUE)
    assert done.returncode == 2 and "replies.jsonl, line 4: not JSON" in done.stderr
    rows = tmp_path / "rows.json"
    rows.write_text('{"id": "x", "gold": "1", "pred": "1"}\n[1]\n')
    done = evalkit("score", str(rows), "--metric", "math", "--json")
    assert done.returncode == 2 and "rows.json, line 2: a row is a JSON object, not a list" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run"], "name a run file, or a directory with --resume"),
        (["run", "nowhere.yaml"], "no run file 'nowhere.yaml'"),
        (["run", "quikstart"], "did you mean 'quickstart'?"),
        (["run", "--resume", "nowhere"], "is not a run directory"),
        (["report", "nowhere"], "is not a run directory"),
        (["score", "nowhere.jsonl", "--metric", "math"], "no file 'nowhere.jsonl'"),
        (["score", "nowhere.jsonl", "--metric", "maths"], "no metric 'maths'; did you mean 'math'?"),
        (["list", "task"], "there is no list of 'task'; did you mean 'tasks'?"),
        (["show", "mat"], "nothing is called 'mat'"),
        (["data", "check", "capitals"], "no task 'capitals'"),
        (["data", "build", "olympiad", "x"], "'olympiad' makes no data"),
        (["--catalogue-is-no-option"], "No such option"),
    ],
)
def test_every_command_refuses_what_it_cannot_do(evalkit: Evalkit, arguments: list[str], sentence: str) -> None:
    done = evalkit(*arguments)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_read_only_directory_stops_the_run_and_says_so(
    evalkit: Evalkit, capitals: Callable[..., Path], tmp_path: Path
) -> None:
    capitals(3)
    (tmp_path / "not-a-folder").write_text("")
    done = evalkit("run", "tiny", *CATALOGUE, "--out", "not-a-folder/run")
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    if os.geteuid() != 0:  # root may write anywhere
        (tmp_path / "locked").mkdir(mode=0o500)
        done = evalkit("run", "tiny", *CATALOGUE, "--out", "locked/run")
        assert done.returncode == 2 and "cannot be written" in done.stderr


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
sys.argv = ["evalkit", "run", "tiny", "--out", "full", *{catalogue!r}]
from evalkit.cli import main
main()
"""


def test_a_full_disk_stops_the_run_keeps_what_is_committed_and_can_go_on(
    evalkit: Evalkit, capitals: Callable[..., Path], tmp_path: Path
) -> None:
    capitals(6000)
    command = [sys.executable, "-c", FULL.format(catalogue=CATALOGUE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 2, done.stderr
    assert "can no longer be written" in done.stderr and "Traceback" not in done.stderr
    after = evalkit("run", "--resume", "full", *CATALOGUE)
    assert after.returncode == 0, after.stderr
    assert "6000" in after.stdout.replace(",", "").replace(" ", "")


def test_ctrl_c_says_how_to_go_on(evalkit: Evalkit, capitals: Callable[..., Path], tmp_path: Path) -> None:
    capitals(20_000)
    command = [sys.executable, "-m", "evalkit.cli", "run", "tiny", *CATALOGUE, "--out", "cut"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "cut" / "run.db").exists():
        assert process.poll() is None, "it ended before it began"
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "evalkit run --resume cut --catalogue" in stderr and "Traceback" not in stderr
    assert evalkit("run", "--resume", "cut", *CATALOGUE).returncode == 0


def test_lists_and_cards(evalkit: Evalkit) -> None:
    listed = evalkit("list")
    assert listed.returncode == 0
    for name in ("archive", "loft", "olympiad", "match", "retrieval", "math", "hf", "replay", "baseline", "quickstart"):
        assert name in listed.stdout
    names = {(row["kind"], row["name"]) for row in json.loads(evalkit("list", "--json").stdout)}
    assert ("tasks", "loft") in names and ("engines", "hf") in names
    assert "format" in evalkit("show", "olympiad").stdout.lower()
    assert "top_k" in evalkit("show", "baseline").stdout
    assert "candidates:" in evalkit("show", "quickstart").stdout
