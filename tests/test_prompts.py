"""Prompts become the ids of the whole chat string, with shared text tokenised once."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from pydoc_data import topics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import ConfigError, DataError
from evalkit.prompts import PromptEncoder, load_counter, load_encoder
from evalkit.prompts.boundary import CutRule
from evalkit.records import Message, Prompt, Segment

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: E402

GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

OTHER_SCRIPTS = (
    "Die Straße nach Köln ist lang. Où est la forêt ? Ελλάδα και θάλασσα. Привет, мир! 日本語の文章です。"
    "中文字符在这里。שלום עולם مرحبا بالعالم नमस्ते दुनिया 한국어 문장 🙂🙃👩‍👩‍👧 ½ ﬁne e\u0301tude Å"
)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA_LIKE = "{{ bos_token }}" + CHATML.replace("{{ m.content }}", "{{ m.content | trim }}")
GEMMA_LIKE = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
DROPS_SYSTEM = CHATML.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")


@functools.cache
def training_text() -> tuple[str, ...]:
    pages = sorted(topics.topics.items())[:25]
    return (*(text for _, text in pages), *[OTHER_SCRIPTS] * 20)


def byte_level(regex: str) -> Any:
    tok = tokenizers.Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        training_text(), trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    return tok


def qwen() -> Any:
    tok = byte_level(QWEN)
    tok.normalizer = normalizers.NFC()
    return tok


def gpt2() -> Any:
    tok = tokenizers.Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        training_text(), trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    return tok


def sentencepiece_bpe(normalizer: Any) -> Any:
    """A BPE with byte fallback whose pre-tokenizer never splits: the whole text is one word, as Gemma's."""
    tok = tokenizers.Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    special = ["<unk>", *(f"<0x{b:02X}>" for b in range(256))]
    tok.train_from_iterator(training_text(), trainers.BpeTrainer(vocab_size=1300, special_tokens=special))
    vocab, merges = _vocab_and_merges(tok)
    tok = tokenizers.Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizer
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return tok


def _vocab_and_merges(tok: Any) -> tuple[dict[str, int], list[tuple[str, str]]]:
    import json

    model = json.loads(tok.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def gemma() -> Any:
    tok = sentencepiece_bpe(normalizers.Replace(" ", "▁"))
    tok.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tok.add_tokens([AddedToken("▁▁", normalized=False), AddedToken("\n\n", normalized=False), "<table>"])
    return tok


def llama2() -> Any:
    return sentencepiece_bpe(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]))


def unigram() -> Any:
    tok = tokenizers.Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tok.decoder = decoders.Metaspace()
    tok.train_from_iterator(
        training_text(), trainers.UnigramTrainer(vocab_size=700, special_tokens=["<unk>"], unk_token="<unk>")
    )
    return tok


def crosses_spaces() -> Any:
    """A BPE whose tokens hold several words: no cut is safe."""
    tok = tokenizers.Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(False, use_regex=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        [line for text in training_text() for line in text.splitlines()],
        trainers.BpeTrainer(vocab_size=2500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
    )
    return tok


MAKERS: dict[str, tuple[Callable[[], Any], str | None, bool]] = {
    "gpt2": (gpt2, CHATML, False),
    "llama3": (functools.partial(byte_level, LLAMA3), LLAMA_LIKE, True),
    "qwen": (qwen, CHATML, False),
    "gemma": (gemma, GEMMA_LIKE, True),
    "llama2": (llama2, CHATML, True),
    "unigram": (unigram, DROPS_SYSTEM, False),
    "base": (functools.partial(byte_level, GPT2), None, True),
    "crosses": (crosses_spaces, CHATML, False),
}
"""Name: maker, chat template, whether the tokenizer puts a BOS token before a text."""

SHARING = [name for name in MAKERS if name != "crosses"]


@functools.cache
def fast(name: str) -> Any:
    make, template, bos = MAKERS[name]
    tok = make()
    tok.add_special_tokens(["<s>", "<|im_start|>", "<|im_end|>", AddedToken("<mask>", lstrip=True)])
    if bos:
        s = tok.token_to_id("<s>")
        tok.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", s)])
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>" if bos else None)
    made.chat_template = template
    return made


@functools.cache
def encoder(name: str) -> PromptEncoder:
    return PromptEncoder(fast(name), name=name)


def whole(name: str, prompt: Prompt) -> list[int]:
    """The reference: transformers on the whole rendered string, and one BOS where the model wants one."""
    tokenizer = fast(name)
    text = encoder(name).render(prompt)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [tokenizer.bos_token_id, *ids] if MAKERS[name][2] and not text.startswith("<s>") else ids


FRAGMENTS = st.sampled_from(
    [
        "the quick brown fox jumps over ", "ID: 7 | TITLE: Oak Hill | CONTENT: a mill by the river | END ID: 7\n",
        "word", " ", "  ", "     ", "\n", "\n\n", "\t", "\r\n", " \n ", "e", "\u0301", "\u0327\u0301", "🙂",
        "👩\u200d👩\u200d👧", "中文字符", "日本語の", "שלום עולם ", "مرحبا ", "नमस्ते", "한국어", "각",
        "<|im_end|>", "<|im_start|>user\n", "<s>", "<unk>", "<mask>", "<0x41>", "<table>",
        "▁▁", "▁", "Ġ", "ﬁ", "½", "ſ", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x00",
        "don't we'll ", "3.14159 ", "1234567", "a b c d e ", "...!?",
        "{{ x }}", "{% raw %}", "def f(x):\n        return  x\n",
        "x=1 y=2 ",
    ]
)  # fmt: skip
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TEXTS = st.lists(st.one_of(FRAGMENTS, ANY_TEXT), max_size=25).map("".join)
ENGLISH = "an ordinary sentence of English words, long enough; " * 6
LONG = st.tuples(TEXTS, TEXTS).map(lambda pair: pair[0] + ENGLISH + pair[1])
WORDS = st.lists(st.sampled_from(["river", "of", "12", "(see", "x)", "a,", "B"]), min_size=80, max_size=120)


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=60, deadline=None)
@given(system=st.none() | TEXTS, corpora=st.lists(LONG, min_size=1, max_size=2), questions=st.lists(TEXTS, max_size=4))
def test_ids_equal_those_of_the_whole_string(
    name: str, system: str | None, corpora: list[str], questions: list[str]
) -> None:
    head = () if system is None else (Message("system", (Segment(system),)),)
    for corpus in corpora:
        shared = Segment(corpus)
        for question in [*questions, "the end"]:
            prompt = Prompt((*head, Message("user", (shared, Segment(question)))))
            encoded = encoder(name).encode(prompt)
            assert encoded.ids() == whole(name, prompt)
            assert encoded.n_tokens == len(encoded.ids())
    assert encoder(name).shares_prefixes == (name in SHARING)


@pytest.mark.parametrize("name", SHARING)
@settings(max_examples=40, deadline=None)
@given(words=WORDS, data=st.data())
def test_a_prefix_that_ends_inside_a_word_is_exact_and_shared(name: str, words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    end = data.draw(st.integers(len(text) - 12, len(text)))
    shared = Segment(text[:end])
    encoded = []
    for rest in (text[end:], "", "xyz", " and", "\u0301", "\n"):
        prompt = Prompt((Message("user", (shared, Segment(rest + " ?"))),))
        encoded.append(encoder(name).encode(prompt))
        assert encoded[-1].ids() == whole(name, prompt)
    first = {id(e.chunks[0]) for e in encoded}
    assert len(first) == 1, "the shared text is one object in all prompts"
    assert len(encoded[0].chunks[0]) > 40


@pytest.mark.parametrize("name", SHARING)
def test_nested_prefixes_share_objects_and_digests_tell_paths_apart(name: str) -> None:
    instruction, one, two = (Segment(f"{word} are words of the text and here " * 20) for word in ("So", "We", "They"))

    def ask(*segments: Segment) -> Any:
        return encoder(name).encode(Prompt((Message("user", (*segments, Segment("what is it?"))),)))

    a, b, c, d = ask(instruction, one), ask(instruction, one), ask(instruction, two), ask(two, one)
    assert a.chunks[:2] == b.chunks[:2]
    assert a.chunks[0] is c.chunks[0]
    assert a.chunks[1] is not c.chunks[1]
    assert a.chunks[1].digest != d.chunks[1].digest
    assert len({chunk.digest for e in (a, c, d) for chunk in e.chunks}) == 8


@pytest.mark.parametrize("name", MAKERS)
def test_there_is_exactly_one_bos_or_none(name: str) -> None:
    tokenizer = fast(name)
    prompt = Prompt((Message("user", (Segment("word " * 100), Segment("Hello"))),))
    ids = encoder(name).encode(prompt).ids()
    assert ids.count(tokenizer.convert_tokens_to_ids("<s>")) == int(MAKERS[name][2])
    if MAKERS[name][2]:
        assert ids[0] == tokenizer.bos_token_id


@pytest.mark.parametrize(("name", "folded"), [("qwen", False), ("llama3", False), ("gemma", True), ("unigram", True)])
def test_the_system_text_reaches_every_model(name: str, folded: bool) -> None:
    prompt = Prompt((Message("system", (Segment("Be brief."),)), Message("user", (Segment("Hi there"),))))
    text = encoder(name).render(prompt)
    assert encoder(name).template.folds_system == folded
    assert ("Be brief.\n\nHi there" in text) == folded
    assert text.count("Be brief.") == 1


def test_a_model_without_a_template_reads_plain_text() -> None:
    encode = encoder("base")
    assert encode.render(Prompt((Message("user", (Segment("Once upon"),)),))) == "Once upon"
    turns = (("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello."), ("user", "Bye"))
    talk = Prompt(tuple(Message(role, (Segment(text),)) for role, text in turns))  # type: ignore[arg-type]
    assert encode.render(talk) == "User: Be kind.\n\nHi\n\nAssistant: Hello.\n\nUser: Bye\n\nAssistant:"


def test_the_cache_is_bounded_and_forgets_the_oldest_first() -> None:
    encode = PromptEncoder(fast("qwen"), name="qwen", cache_tokens=3_000)
    corpora = [Segment(f"corpus {n} holds these words in a row and more of them " * 40) for n in range(12)]

    def ask(corpus: Segment, question: str) -> Any:
        return encode.encode(Prompt((Message("user", (corpus, Segment(question))),)))

    first = ask(corpora[0], "a").chunks[0]
    for corpus in corpora[1:]:
        held = ask(corpus, "a").chunks[0]
        assert encode.cached_tokens <= 3_000
    assert ask(corpora[-1], "b").chunks[0] is held
    again = ask(corpora[0], "b").chunks[0]
    assert again is not first
    assert again.digest == first.digest


def test_a_tokenizer_without_safe_cuts_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="evalkit.prompts"):
        encode = PromptEncoder(fast("crosses"), name="crosses")
        for question in "ab":
            encode.encode(Prompt((Message("user", (Segment("some words " * 100), Segment(question))),)))
    assert not encode.shares_prefixes
    assert len(caplog.records) == 1


def test_a_cut_that_turns_out_wrong_is_noticed_and_never_used_again() -> None:
    """A rule that the tokenizer never passed is forced upon it: ids stay right, and sharing ends."""
    encode = PromptEncoder(fast("crosses"), name="crosses")
    letters = frozenset("abcdefghijklmnopqrstuvwxyz")
    encode._rule = CutRule(letters, letters)
    prompt = Prompt((Message("user", (Segment("the value of the object is " * 12), Segment("in the class"))),))
    assert encode.encode(prompt).ids() == whole("crosses", prompt)
    assert not encode.shares_prefixes


def test_half_a_surrogate_pair_is_refused_with_its_place() -> None:
    prompt = Prompt((Message("user", (Segment("abc\ud800d"),)),))
    with pytest.raises(DataError, match=r"U\+D800"):
        encoder("qwen").encode(prompt)


def test_a_conversation_that_the_template_refuses_is_named() -> None:
    template = "{{ raise_exception('roles must alternate') }}"
    tokenizer = fast("qwen").__class__(tokenizer_object=fast("qwen").backend_tokenizer)
    tokenizer.chat_template = template
    with pytest.raises(DataError, match=r"tiny refuses this conversation .*roles must alternate"):
        PromptEncoder(tokenizer, name="tiny").encode(Prompt((Message("user", (Segment("x"),)),)))


def test_a_saved_tokenizer_is_loaded_and_counts_bare_text(tmp_path: Path) -> None:
    fast("llama3").save_pretrained(tmp_path / "tiny")
    counter = load_counter(tmp_path / "tiny")
    text = "The river runs by the mill. " * 5
    ids = fast("llama3")(text, add_special_tokens=False)["input_ids"]
    assert counter.count(text) == len(ids)
    assert counter.name.startswith("tiny@")
    prompt = Prompt((Message("user", (Segment(text),)),))
    assert load_encoder(tmp_path / "tiny").encode(prompt).ids() == whole("llama3", prompt)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    for load in (load_encoder, load_counter):
        with pytest.raises(ConfigError, match=r"no tokenizer in .*tokenizer\.json"):
            load(tmp_path)


def test_a_broken_tokenizer_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ConfigError, match="no tokenizer could be loaded"):
        load_encoder(tmp_path)
