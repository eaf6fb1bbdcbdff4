"""A leader's reply comes in pieces: it is what it would have been as one, and each fault is a fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from evalkit.engines.http import HTTP
from evalkit.engines.http.reply import read_object
from evalkit.engines.http.stream import assemble, is_stream
from evalkit.protocols import user
from evalkit.records import Completion, Prompt, Request, Sample, TokenLogprob, Usage

Connect = Callable[..., HTTP]
Serve = Callable[..., Any]


def pair(land: int) -> list[Request]:
    """A leader that names a land, and its follower."""
    shared = "All the lands there are have a capital. " * 100
    return [Request(Prompt((user(shared, tail),)), Sample(tail, ("q",))) for tail in (f"Land{land}?", "Land9?")]


def leader(engine: HTTP, land: int = 1) -> Completion:
    """What comes of a leader; its follower is answered in any case."""
    requests = pair(land)
    found = {c.key: c for c in engine.generate(requests)}
    assert found[requests[1].key].text == "City9" and len(found) == 2
    return found[requests[0].key]


LOGPROBS: dict[str, Any] = {
    "content": [
        {
            "token": "Ci", "logprob": -0.5,
            "top_logprobs": [{"token": "a", "logprob": -2}, {"token": "Ci", "logprob": -0.5}],
        },
        {"token": "ty", "logprob": -0.25, "bytes": [116, 121], "top_logprobs": []},
    ]
}
REPLIES: dict[str, dict[str, Any]] = {
    "a text": {"text": "City"},
    "a long text": {"text": "wörd\n" * 5_000},
    "half a pair": {"text": "a\ud800b"},
    "no word": {"text": ""},
    "cut": {"text": "so far", "finish": "length"},
    "no finish": {"text": "a", "finish": None},
    "refused": {"text": None, "refusal": "I will not."},
    "filtered": {"text": "I", "finish": "content_filter"},
    "null": {"text": None},
    "thought": {"text": "a", "reasoning_content": "hm, hm"},
    "thought as vLLM says": {"text": "a", "reasoning": "hm, hm"},
    "only thought": {"text": None, "reasoning": "hm", "finish": "length"},
    "thought in the text": {"text": "<think>hm</think>\n\na"},
    "a tool": {"text": None, "tool_calls": [{"id": "1"}], "finish": "tool_calls"},
    "a number": {"text": 5},
}


@pytest.mark.parametrize("kind", REPLIES)
def test_a_streamed_reply_is_what_it_would_have_been_as_one(
    kind: str, scripted: Any, serve: Serve, connect: Connect
) -> None:
    server = serve()
    server.replies["Land1"] = scripted.reply(**REPLIES[kind])
    streamed = leader(connect(server))
    assert server.asked[0]["stream"] is True and server.asked[0]["stream_options"] == {"include_usage": True}
    server.streaming = "ignored"
    whole = leader(connect(server))
    assert msgspec.structs.replace(streamed, seconds=whole.seconds) == whole
    assert streamed.usage == Usage(20, 16, 3)


@pytest.mark.parametrize("streaming", ["yes", "ignored"])
def test_logprobs_come_with_the_reply_the_best_alternative_first(
    streaming: str, scripted: Any, serve: Serve, connect: Connect
) -> None:
    server = serve()
    server.streaming = streaming
    said = scripted.reply("City")
    said["choices"][0]["logprobs"] = LOGPROBS
    server.replies["Land1"] = said
    completion = leader(connect(server))
    assert completion.logprobs == (
        TokenLogprob("Ci", -0.5, (("Ci", -0.5), ("a", -2.0))), TokenLogprob("ty", -0.25)
    )  # fmt: skip


@pytest.mark.parametrize(("fault", "said"), [
    ("cut", "the connection closed in the middle of the reply (status 200)"),
    ("truncated", "the stream ended before the reply did"),
    ("malformed", "a piece of the reply is not JSON ("),
    ("stall", "the reply stalled: nothing came for 0.3 s"),
    ("error", "the server answered with an error (500): the engine is away"),
])  # fmt: skip
def test_a_stream_that_breaks_is_no_reply_and_is_asked_for_again_as_one(
    fault: str, said: str, serve: Serve, connect: Connect
) -> None:
    server = serve({"Land1": [fault, "ok"], "Land2": [fault]})
    engine = connect(server, attempts=2, stall_timeout=0.3)
    assert leader(engine).text == "City1"
    assert [bool(b.get("stream")) for b in server.asked if "Land1" in str(b)] == [True, False]
    engine = connect(server, attempts=1, stall_timeout=0.3)
    completion = leader(engine, 2)
    assert completion.error.startswith(said) and completion.finish == "error" and not completion.text


@pytest.mark.parametrize("harmless", ["unsigned", "empty"])
def test_a_stream_without_its_last_line_or_with_a_piece_without_a_choice_is_a_reply(
    harmless: str, serve: Serve, connect: Connect
) -> None:
    server = serve({"Land1": [harmless]})
    completion = leader(connect(server, attempts=1))
    assert (completion.text, completion.usage) == ("City1", Usage(20, 16, 3))


def test_a_leader_whose_stream_breaks_after_its_first_word_has_been_read(serve: Serve, connect: Connect) -> None:
    server = serve({"Land1": ["cut", "500", "500", "ok"]})
    server.writing = 0.3
    assert leader(connect(server)).text == "City1"
    assert server.told.index("asked 9") < server.told.index("done 1")


def test_a_prompt_may_be_read_for_longer_than_a_reply_may_stall(serve: Serve, connect: Connect) -> None:
    server = serve()
    server.reading = 1.0

    async def silent(response: Any, piece: dict[str, Any]) -> None:
        """A server that sends its headers at once, and no role."""
        if piece["choices"] and piece["choices"][0]["delta"] != {"content": ""}:
            await type(server)._piece(response, piece)

    server._piece = silent
    start = time.monotonic()
    assert leader(connect(server, stall_timeout=0.3, attempts=1)).text == "City1"
    assert time.monotonic() - start > 1


@pytest.mark.parametrize("body", [
    b'data: {"choices": 3}\n\ndata: [DONE]\n\n',
    b'data: {"choices": [3]}\n\ndata: [DONE]\n\n',
    b'data: {"choices": [{"delta": 3}]}\n\ndata: [DONE]\n\n',
    b'data: {"choices": [{"delta": {"content": {"a": 1}}, "logprobs": 7}]}\n\ndata: [DONE]',
    b": ping\n\n",
    b"data: 7\n\n",
    b"event: x\r\ndata: {}\r\n\r\n",
])  # fmt: skip
def test_whatever_stands_in_a_stream_breaks_nothing_but_its_reply(body: bytes) -> None:
    assert is_stream(body)
    told = assemble(body)
    if isinstance(told, dict):
        completion = read_object(b"k", told)
        assert not isinstance(completion, Completion) or completion.finish == "error"


@pytest.mark.parametrize("logprobs", [7, {"content": 7}, {"content": [{"token": 1}]}, {"content": None}, {}, ["a"]])
def test_logprobs_that_are_none_do_not_lose_the_reply(
    logprobs: Any, scripted: Any, serve: Serve, connect: Connect, ask: Callable[..., Request]
) -> None:
    server = serve()
    said = scripted.reply("City")
    said["choices"][0]["logprobs"] = logprobs
    server.replies["Land1"] = said
    (completion,) = connect(server).generate([ask(1)])
    assert (completion.text, completion.logprobs) == ("City", ())
