"""Corpora of several lengths: the shorter inside the longer, gold always in, never over the budget."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from evalkit.tasks.loft import layout, nested
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import DataError
from evalkit.records import Document


class Words:
    """Counts words, and how often it was asked."""

    name = "words"

    def __init__(self) -> None:
        self.calls = 0

    def count(self, text: str) -> int:
        self.calls += 1
        return len(text.split())


def pool(sizes: Sequence[int]) -> list[Document]:
    return [Document(id=f"p{n}", text="w " * size) for n, size in enumerate(sizes)]


def cut(documents: list[Document], gold: list[list[str]], always: list[str], budget: int, seed: int = 0) -> list[str]:
    tokens = nested.document_tokens(Words(), len(documents))
    return [d.id for d in nested.cut(documents, gold, always, budget, seed, tokens, "t")]


@given(
    sizes=st.lists(st.integers(0, 60), min_size=8, max_size=40),
    budgets=st.lists(st.integers(60, 1500), min_size=2, max_size=2).map(sorted),
    seed=st.integers(0, 5),
)
def test_a_shorter_corpus_lies_inside_a_longer_one_in_the_same_order(
    sizes: list[int], budgets: list[int], seed: int
) -> None:
    documents, gold, always = pool(sizes), [["p0"], ["p1", "p0"], ["p2"]], ["p3"]
    found = []
    for budget in budgets:
        try:
            found.append(cut(documents, gold, always, budget, seed))
        except DataError:
            return
    short, long = found
    assert [i for i in long if i in set(short)] == short
    assert {"p0", "p1", "p2", "p3"} <= set(short)
    for budget, ids in zip(budgets, found, strict=True):
        by_id = {d.id: d for d in documents}
        shown = "".join(layout.document(n, "", by_id[i].text) for n, i in enumerate(ids))
        assert Words().count(shown) <= budget
        assert len(set(ids)) == len(ids)


def test_a_corpus_is_filled_up_to_the_first_document_that_does_not_fit() -> None:
    documents = pool([10] * 50)
    one = Words().count(layout.document(50, "", documents[0].text))
    assert len(cut(documents, [["p0"]], [], 10 * one)) == 10
    assert len(cut(documents, [["p0"]], [], 10 * one - 1)) == 9


def test_the_seed_decides_which_documents_and_where() -> None:
    documents = pool([10] * 200)
    first, again, other = (cut(documents, [["p0"]], [], 500, seed) for seed in (0, 0, 1))
    assert first == again
    assert set(first) != set(other)
    assert [i for i in first if i in other] != [i for i in other if i in first]


def test_gold_stands_anywhere_in_the_corpus() -> None:
    """Over 200 seeds the one gold document of 20 is in every quarter about equally often."""
    documents = pool([1] * 20)
    budget = 20 * Words().count(layout.document(20, "", documents[0].text))
    places = [cut(documents, [["p0"]], [], budget, seed).index("p0") for seed in range(200)]
    quarters = [sum(place // 5 == quarter for place in places) for quarter in range(4)]
    assert min(quarters) >= 30, quarters  # 50 expected, standard deviation 6


def test_gold_that_does_not_fit_says_how_many_questions_would() -> None:
    documents = pool([10] * 30)
    one = Words().count(layout.document(30, "", documents[0].text))
    gold = [[f"p{n}"] for n in range(1, 21)]
    with pytest.raises(DataError, match="can hold 4: set the option queries to 4"):
        cut(documents, gold, ["p0"], 5 * one)
    with pytest.raises(DataError, match="not one question fits"):
        cut(documents, gold, ["p0"], one)


def test_a_pool_that_cannot_fill_the_length_is_refused() -> None:
    with pytest.raises(DataError, match="cannot fill the 10,000"):
        cut(pool([10] * 5), [["p0"]], [], 10_000)


def test_each_document_is_counted_once_for_all_lengths() -> None:
    documents, counter = pool([10] * 100), Words()
    for budget in (200, 400, 800):
        nested.cut(documents, [["p0"]], [], budget, 0, nested.document_tokens(counter, 100), "t")
    assert counter.calls == 1  # equal texts are one text
    longer = [Document(id=d.id, text=f"{d.text}{d.id}") for d in documents]
    for budget in (200, 400, 800):
        chosen = nested.cut(longer, [["p0"]], [], budget, 0, nested.document_tokens(counter, 100), "t")
    assert counter.calls <= 1 + len(chosen) + 1


def test_one_document_out_of_all_proportion_does_not_make_a_length_a_wrong_label() -> None:
    documents = pool([10] * 200 + [5_000])
    sizes = []
    refused = 0
    for seed in range(60):
        try:
            sizes.append(len(cut(documents, [["p0"]], [], 1_000, seed)))
        except DataError as error:
            assert "before a document that does not fit, the corpus has" in str(error)
            refused += 1
    assert refused and sizes, "the seeds must put it early and late"
    one = Words().count(layout.document(0, "", documents[0].text))
    assert min(sizes) * one >= 500
