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


def _conversations(row: batches.Row) -> list[list[int]]:
    """The rows of training taken apart into what the model sees for each question, checked to stand at 0, 1, 2, ..."""
    found = []
    for block in sorted(set(row.blocks) - {0}) or [0]:
        seen = [n for n, b in enumerate(row.blocks) if b in (0, block)]
        assert [row.places[n] for n in seen] == list(range(len(seen)))
        found.append([row.ids[n] for n in seen])
    return found


@pytest.mark.parametrize("make", ["apart", "examples"])
def test_training_rows_are_the_tokens_of_the_evaluated_prompt_and_its_gold_reply(built, make: str) -> None:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(str(MODEL))
    for seed in range(6):
        row = getattr(batches.Archive(built), make)(random.Random(seed), 12)
        assert len(row.ids) == len(row.kinds) == len(row.blocks) == len(row.places)
        for ids in _conversations(row):
            text = built.decode(ids, skip_special_tokens=False)
            prompt, reply = text.removesuffix(tokenizer.END).split(tokenizer.ASSISTANT)
            content = prompt.removeprefix(tokenizer.BOS + tokenizer.USER).removesuffix(tokenizer.END)
            chat = [{"role": "user", "content": content}]
            rendered = loaded.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
            assert rendered + reply + tokenizer.END == text
            assert built.encode(text, add_special_tokens=False).ids == ids
            assert content.startswith(tuple(layout.INSTRUCTIONS.values()))
            assert content.count("====== Query ======\n") == 1
            assert "Final Answer: ['" in reply


def test_training_marks_the_looked_up_tokens(built) -> None:
    row = batches.Archive(built).apart(random.Random(3), 30)
    numbers = {built.decode([i]) for i, kind in zip(row.ids, row.kinds, strict=True) if kind == batches.ID}
    assert numbers and all(n.isdigit() for n in numbers)
    assert {batches.TITLE, batches.HOP_TITLE, batches.ANSWER, batches.HOP_ANSWER} <= set(row.kinds)


def test_questions_of_one_row_do_not_see_one_another(built) -> None:
    import torch
    from evalkit.tasks.archive.train import Training, small_model

    model = small_model(built.get_vocab_size(), seed=0).eval()
    maker = batches.Archive(built)
    batch = next(b for n in range(9) if (b := maker.batch(f"apart {n}", 400, 5)).blocks is not None)
    alone = []
    for block in range(1, int(batch.blocks.max()) + 1):
        [seen] = ((batch.blocks[0] == 0) | (batch.blocks[0] == block)).nonzero()
        kinds = batch.kinds[:1, seen].copy()
        kinds[batch.blocks[:1, seen] == 0] = 0  # the corpus is trained on once, not once for each question
        part = batches.Batch(batch.ids[:1, seen], kinds, batch.places[:1, seen], len(seen))
        alone += [Training(model, 1, 0.0).predict(part)[0].item()] * int((kinds > 0).sum())
    kinds = batch.kinds[:1].copy()
    kinds[batch.blocks[:1] == 0] = 0
    together = batches.Batch(batch.ids[:1], kinds, batch.places[:1], batch.corpus, batch.blocks[:1])
    with torch.no_grad():
        loss, _ = Training(model, 1, 0.0).predict(together)
    assert loss.item() == pytest.approx(sum(alone) / len(alone), abs=1e-5)


def test_questions_hold_no_token_of_their_answers(built) -> None:
    core = list(islice(entities("9"), CORE))
    for question in chosen(random.Random(0), core, tuple(HOPS), 60):
        assert question.answer not in question.text
