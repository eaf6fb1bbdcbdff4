"""A hundred questions on one long corpus: tokenised once for the shared text against each prompt whole.

The corpus is Python's own help pages, with a line before each repetition so that no two are alike, up to about the
tokens asked for; the tokenizer is trained on them (byte-level BPE with the splitting rule of recent models) unless
`--tokenizer DIR` names another. Tokenising whole is timed on a few prompts and scaled up; ids are compared on those.

    python benchmarks/tokenise.py [--tokens 1000000] [--questions 100] [--whole 3] [--tokenizer DIR] [--json]
        [--record]
"""

from __future__ import annotations

import argparse
import json
import time
from pydoc_data import topics
from typing import Any

import transformers
from record import Figure, add_option, record
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from evalkit.prompts import PromptEncoder, load_encoder
from evalkit.protocols import user
from evalkit.records import Prompt, Segment

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"


def trained() -> Any:
    """A byte-level BPE of 8,000 tokens with a chat template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8_000,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|im_start|>", "<|im_end|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(topics.topics.values()), trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = CHAT
    return fast


def corpus(encoder: PromptEncoder, tokens: int) -> Segment:
    """A segment of about so many tokens."""
    pages = sorted(topics.topics.values())
    per_round = sum(encoder.count(page) for page in pages)
    rounds = max(1, round(tokens / per_round))
    if rounds == 1:
        pages = pages[: max(1, round(len(pages) * tokens / per_round))]
    return Segment("".join(f"Volume {n}, page {i}.\n{page}\n" for n in range(rounds) for i, page in enumerate(pages)))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Seconds for all questions, shared and whole; the ids of the prompts that were tokenised whole must be equal."""
    encoder = load_encoder(args.tokenizer) if args.tokenizer else PromptEncoder(trained(), name="trained here")
    shared = corpus(encoder, args.tokens)
    prompts = [Prompt((user(shared, f"\nQuestion {n}: what does page {n} say?\n"),)) for n in range(args.questions)]
    start = time.process_time()
    encoded = [encoder.encode(prompt) for prompt in prompts]
    shared_s = time.process_time() - start
    whole_s = 0.0
    some = prompts[:: max(1, len(prompts) // args.whole)][: args.whole]
    for prompt in some:
        start = time.process_time()
        reference = encoder.tokenizer(encoder.render(prompt), add_special_tokens=False)["input_ids"]
        whole_s += time.process_time() - start
        ours = encoded[prompts.index(prompt)].ids()
        if ours[-len(reference) :] != reference or len(ours) - len(reference) > 1:  # one BOS may stand before
            raise SystemExit("the ids differ: this is a bug in evalkit.prompts, please report it")
    whole_s *= len(prompts) / len(some)
    return {
        "tokens": encoded[0].n_tokens,
        "questions": len(prompts),
        "shares_prefixes": encoder.shares_prefixes,
        "shared_s": shared_s,
        "whole_s": whole_s,
        "whole_timed_on": len(some),
        "ratio": whole_s / shared_s,
        "ids_equal": True,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--whole", type=int, default=3, help="how many prompts are tokenised whole")
    parser.add_argument("--tokenizer", help="a model directory; default: one trained here")
    parser.add_argument("--json", action="store_true")
    add_option(parser)
    args = parser.parse_args()
    row = measure(args)
    if args.record:
        what = f"tokenising {row['questions']} questions over {row['tokens']:,} tokens, shared against whole"
        found = f"{row['ratio']:.0f}x processor time, ids equal; whole timed on {row['whole_timed_on']} and scaled"
        record("tokenise", [Figure(what, found, "30x", row["ratio"] >= 30)])
    if args.json:
        print(json.dumps(row))
        return
    print("tokens/prompt  questions  shared cpu s  whole cpu s  ratio  ids")
    print(
        f"{row['tokens']:>13,} {row['questions']:>10} {row['shared_s']:>13.2f} {row['whole_s']:>12.1f}"
        f" {row['ratio']:>5.0f}x  equal on {row['whole_timed_on']}"
    )


if __name__ == "__main__":
    main()
