"""The small model's tokenizer: the archive's words are single tokens wherever they stand, and all else encodes too."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest
from evalkit.tasks.archive import words
from evalkit.tasks.archive.questions import HOPS, chosen
from evalkit.tasks.archive.training import batches, tokenizer
from evalkit.tasks.archive.world import CORE, entities
from evalkit.tasks.loft import layout
from hypothesis import example, given, settings
from hypothesis import strategies as st

MODEL = Path(tokenizer.__file__).parents[1] / "model"


@pytest.fixture(scope="module")
def built():
    return tokenizer.build()


def test_the_shipped_tokenizer_is_the_one_the_script_builds(built) -> None:
    from tokenizers import Tokenizer

    shipped = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    assert shipped.get_vocab() == built.get_vocab()
    text = "The trade of Maran Ashby was weaver. Grüße, 日本 12345"
    assert shipped.encode(text).ids == built.encode(text).ids


def test_every_word_is_one_token_in_a_document_and_in_an_answer(built) -> None:
    for name, values in words.LISTS.items():
        space = " " if name in words.AFTER_SPACE else ""
        for value in values:
            [token] = built.encode(space + value).ids
            first = "Maran" if space else ""
            assert token in built.encode(f"The trade of {first}{space}{value} was weaver. ").ids
            assert built.encode(layout.final_answer([first + space + value])).ids[-2] == token


def test_every_number_below_the_limit_is_one_token_in_the_corpus_and_in_a_reply(built) -> None:
    for number in range(words.IDS):
        [token] = built.encode(str(number)).ids
        assert built.encode(layout.document(number, "Maran Ashby", "x.")).ids.count(token) == 2
        assert built.encode(layout.reply([(number, "Maran Ashby", "")], [str(number)])).ids.count(token) == 2


@given(st.text(max_size=80))
@example("<|user|> The trade of ID: 7 | END ID: 7\n\n\u00a0e\u0301\u200b")
@settings(max_examples=200, deadline=None)
def test_any_text_survives_encoding(built, text: str) -> None:
    assert built.decode(built.encode(text).ids, skip_special_tokens=False) == text


def test_documents_are_short_and_know_no_unknown_word(built) -> None:
    documents = list(islice(entities("tokens"), 200))
    lines = [layout.document(n, d.title, d.text) for n, d in enumerate(documents)]
    sizes = [len(built.encode(line).ids) for line in lines]
    assert max(sizes) <= 45
    assert 20 <= sum(sizes) / len(sizes) <= 32


def test_training_rows_are_the_tokens_of_the_evaluated_prompt_and_its_gold_reply(built) -> None:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(str(MODEL))
    for seed in range(12):
        ids, kinds = batches.Archive(built).row(random.Random(seed), 12)
        text = built.decode(ids, skip_special_tokens=False)
        prompt, reply = text.removesuffix(tokenizer.END).split(tokenizer.ASSISTANT)
        content = prompt.removeprefix(tokenizer.BOS + tokenizer.USER).removesuffix(tokenizer.END)
        chat = [{"role": "user", "content": content}]
        rendered = loaded.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        assert rendered + reply + tokenizer.END == text
        assert built.encode(text, add_special_tokens=False).ids == ids
        assert len(ids) == len(kinds)
        assert content.startswith(tuple(layout.INSTRUCTIONS.values()))
        assert "====== Query ======\n" in content


def test_training_marks_the_looked_up_tokens(built) -> None:
    row_ids, row_kinds = batches.Archive(built).row(random.Random(3), 30)
    numbers = {built.decode([i]) for i, kind in zip(row_ids, row_kinds, strict=True) if kind == batches.ID}
    answers = [built.decode([i]) for i, kind in zip(row_ids, row_kinds, strict=True) if kind == batches.ANSWER]
    assert numbers and all(n.isdigit() for n in numbers)
    assert answers


def test_questions_hold_no_token_of_their_answers(built) -> None:
    core = list(islice(entities("9"), CORE))
    for question in chosen(random.Random(0), core, tuple(HOPS), 60):
        assert question.answer not in question.text
