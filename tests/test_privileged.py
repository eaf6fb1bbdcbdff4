"""The firewall: closed means closed, open means declared, and a leaking prompt never leaves."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import FirewallError
from evalkit.privileged import KINDS, OutgoingScan, Privileged, grading
from evalkit.records import Corpus, Document, Message, Prompt, Sample, Segment

SECRET = "the answer is 4711-Omega"


def closed() -> Privileged:
    return Privileged("s1", answers=[SECRET], scheme=[{"points": 7, "what": SECRET}])


@pytest.mark.parametrize(
    "leak",
    [
        str, repr, "{}".format, "%s".__mod__, lambda p: f"{p}", lambda p: f"{p!r}", pickle.dumps, copy.copy,
        copy.deepcopy, list, msgspec.json.encode, msgspec.msgpack.encode, json.dumps,
    ],
)
def test_closed_information_cannot_be_turned_into_text(leak: object) -> None:
    with pytest.raises((FirewallError, TypeError)) as caught:
        leak(closed())  # type: ignore[operator]
    assert SECRET not in str(caught.value)


def test_it_has_no_dict_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(closed())
    assert not any(SECRET in name for name in dir(closed()))


def test_a_log_record_of_it_says_nothing(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("test").warning("before")
    logging.getLogger("test").warning("got %s", closed())
    assert "before" in caplog.text and SECRET not in caplog.text


def test_a_grader_sees_what_it_declared_and_only_while_the_context_lasts() -> None:
    with grading("match", ("answers",)) as context:
        reference = context.open(closed())
        assert reference.answers == (SECRET,)
        with pytest.raises(FirewallError, match="did not declare 'scheme'"):
            _ = reference.scheme
        with pytest.raises(FirewallError):
            str(reference)
        with pytest.raises(AttributeError, match="did you mean 'answers'"):
            _ = reference.answer
    with pytest.raises(FirewallError, match="has ended"):
        _ = reference.answers


def test_kinds_are_checked_when_they_are_written() -> None:
    with pytest.raises(TypeError, match="did you mean 'solutions'"):
        Privileged("s", solution=["x"])
    with pytest.raises(TypeError, match="must be a list"):
        Privileged("s", answers="x")
    with pytest.raises(FirewallError), grading("g", ("answer",)):
        pass


def prompt_of(text: str) -> Prompt:
    return Prompt((Message("user", (Segment(text),)),))


@pytest.mark.parametrize("kind", KINDS)
def test_the_scan_stops_a_prompt_with_any_kind_in_it(kind: str) -> None:
    scan = OutgoingScan(Privileged("s1", **{kind: [{"deep": ["x", SECRET]}]}))
    with pytest.raises(FirewallError, match=f"'s1' contains its privileged {kind}") as caught:
        scan.check(prompt_of(f"Question? Hint: {SECRET}."), Sample("s1", ("Question?",)))
    assert SECRET not in str(caught.value)
    scan.check(prompt_of("Question?"), Sample("s1", ("Question?",)))


def test_text_that_the_sample_shows_anyway_is_no_leak() -> None:
    corpus = Corpus((Document("d", f"It is written that {SECRET}."),))
    sample = Sample("s1", ("Question?",), corpus=corpus)
    OutgoingScan(closed()).check(prompt_of(f"ID: 0 | It is written that {SECRET}.\nQuestion?"), sample)


def test_a_copied_stretch_of_a_solution_is_found_wherever_it_starts() -> None:
    solution = " ".join(f"step{i}" for i in range(120))
    scan = OutgoingScan(Privileged("s1", solutions=[solution]))
    words = solution.split()
    for start in range(0, 90, 7):
        leaked = " ".join(words[start : start + 26])
        with pytest.raises(FirewallError):
            scan.check(prompt_of(f"Think: {leaked} ..."), Sample("s1", ("q",)))
    scan.check(prompt_of(" ".join(words[:8])), Sample("s1", ("q",)))


def test_the_end_of_a_solution_and_a_copy_over_two_segments_are_found() -> None:
    words = [f"word{i}" for i in range(30)]
    scan = OutgoingScan(Privileged("s1", solutions=[" ".join(words)], ratings=[4711.25001]))
    sample = Sample("s1", ("q",))
    with pytest.raises(FirewallError):
        scan.check(prompt_of("So: " + " ".join(words[17:])), sample)
    half = " ".join(words[:7])
    with pytest.raises(FirewallError):
        scan.check(Prompt((Message("user", (Segment(half), Segment(" " + " ".join(words[7:14])))),)), sample)
    with pytest.raises(FirewallError, match="ratings"):
        scan.check(prompt_of("rated 4711.25001 by people"), sample)


@given(st.text(min_size=0, max_size=300))
def test_the_scan_is_never_upset_by_odd_text(text: str) -> None:
    OutgoingScan(Privileged("s", solutions=[text])).check(prompt_of("nothing here"), Sample("s", ("nothing here",)))
