"""The archive's gold is exact, whatever the seed: proved from the documents' text alone, not from the generator."""

from __future__ import annotations

import random
import re
from itertools import islice

from evalkit.tasks.archive import words
from evalkit.tasks.archive.questions import HOPS, Question, chosen, questions
from evalkit.tasks.archive.world import CORE, RELATIONS, Entity, entities
from hypothesis import given, settings
from hypothesis import strategies as st

seeds = st.integers(0, 10**9).map(str)


def _stated(documents: list[Entity], noun: str, title: str = "", value: str = "") -> list[tuple[int, str, str]]:
    """Every (document, entity, value) in which any text states this relation of this entity, or with this value."""
    found = []
    for relation in (r for r in RELATIONS if r.noun == noun):
        for pattern in (relation.sentence, relation.plain):
            pattern = pattern.replace("{s}", f"(?P<s>{re.escape(title) or '[^.]+'})")
            pattern = pattern.replace("{v}", f"(?P<v>{re.escape(value) or '[^.]+'})")
            for number, document in enumerate(documents):
                for sentence in document.text.removesuffix(".").split(". "):
                    match = re.fullmatch(pattern, sentence)
                    if match:
                        found.append((number, match["s"], match["v"]))
    return sorted(set(found))


def _named(documents: list[Entity], name: str) -> list[tuple[tuple[int, ...], str]]:
    """Titles that a name or a description stands for, with the documents that say so."""
    described = re.fullmatch(r"the owner of the (.+)|the person called (.+)", name)
    if described:
        noun, value = ("belonging", described[1]) if described[1] else ("byname", described[2])
        return [((n,), title) for n, title, _ in _stated(documents, noun, value=value)]
    link = re.fullmatch(r"the (.+?) of (.+)", name)
    if link:
        return [((n,), value) for n, _, value in _stated(documents, link[1], title=link[2])]
    return [((), d.title) for d in documents if d.title == name]


def _answered_by_reading(question: str, documents: list[Entity]) -> list[tuple[tuple[int, ...], str]]:
    """All answers to a question that the documents' text gives, with the documents that give them, each once."""
    asked = question.removeprefix("What was ").removeprefix("Who was ").removesuffix("?")
    whole = _named(documents, asked)
    if asked.startswith(("the owner of", "the person called")):
        return whole
    noun, name = re.fullmatch(r"the (.+?) of (.+)", asked).groups()  # type: ignore[union-attr]
    found = [
        ((*gold, n), value)
        for gold, title in _named(documents, name) for n, _, value in _stated(documents, noun, title=title)
    ]
    return [(tuple(dict.fromkeys(gold)), value) for gold, value in found]


@given(seeds, st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_reading_the_documents_gives_exactly_the_gold_answer_and_the_gold_documents(seed: str, more: int) -> None:
    documents = list(islice(entities(seed), CORE + more))
    for question in chosen(random.Random(seed), documents[:CORE], tuple(HOPS), 12):
        assert _answered_by_reading(question.text, documents) == [(question.gold, question.answer)]


@given(seeds, st.integers(CORE, 400))
@settings(max_examples=15, deadline=None)
def test_titles_bynames_and_belongings_are_unique(seed: str, size: int) -> None:
    documents = list(islice(entities(seed), size))
    assert len({d.title for d in documents}) == size
    for noun in ("byname", "belonging"):
        values = [f.value for d in documents for f in d.facts if f.relation.noun == noun]
        assert len(set(values)) == len(values)


@given(seeds, st.integers(CORE, 100), st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_a_longer_world_begins_with_the_shorter_one(seed: str, size: int, more: int) -> None:
    short = list(islice(entities(seed), size))
    assert list(islice(entities(seed), size + more))[:size] == short
    assert all(0 <= f.target < CORE for d in short[:CORE] for f in d.facts if f.relation.target)


def test_another_seed_is_another_world() -> None:
    assert list(islice(entities("1"), CORE)) != list(islice(entities("2"), CORE))


def test_distractors_share_words_with_the_titles_they_distract_from() -> None:
    documents = list(islice(entities("0"), 120))
    firsts = [d.title.split()[0] for d in documents]
    assert sum(firsts.count(first) > 1 for first in firsts) > 20


def test_every_word_stands_in_one_list_only() -> None:
    everything = [word for values in words.LISTS.values() for word in values]
    assert len(set(everything)) == len(everything)


def test_a_two_hop_chain_goes_through_the_entity_it_names() -> None:
    documents = list(islice(entities("5"), CORE))
    links = questions(documents)["link"]
    assert links
    for link in links:
        assert isinstance(link, Question)
        first, second = (documents[n] for n in link.gold)
        assert any(f.target == link.gold[1] and f.value == second.title for f in first.facts)
        assert second.title not in link.text and first.title in link.text


def test_a_world_outgrows_its_names_and_keeps_its_titles_unique() -> None:
    documents = list(islice(entities("0"), 12_000))
    assert len({d.title for d in documents}) == 12_000
    assert any(d.title[-1].isdigit() for d in documents)
    assert all(d.facts for d in documents)
