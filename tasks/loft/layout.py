"""The Corpus-in-Context layout: how a sample becomes text, in LOFT's order with our own sentences.

Order (LOFT, arXiv 2406.13121, section 3): instruction and answer format, the whole corpus, worked examples, the query.
Everything up to the query is equal for all samples of a corpus, so that it is read once. Documents are numbered by
their place in the corpus, from 0, and the number is echoed at the end of each.
"""

from __future__ import annotations

from collections.abc import Sequence

INSTRUCTIONS = {
    "retrieval": (
        "Below is a list of documents, each with an ID. Read them all, then find the documents that the query asks"
        " for.\nFirst write the TITLE and ID of every document you choose, one to a line. Then end with one line that"
        " lists their IDs:\nFinal Answer: ['id', 'id']\n\n"
    ),
    "rag": (
        "Below is a list of documents, each with an ID. Read them all, then answer the query from what they say.\n"
        "First write the TITLE and ID of every document you use, one to a line. Then end with one line that lists the"
        " answers, each as short as it can be:\nFinal Answer: ['answer', 'answer']\n\n"
    ),
}
"""What to do and how to answer, by kind of task; the first text of every prompt."""

QUERY_HEADS = {
    "retrieval": "Which documents does this query ask for? Give TITLE and ID of each, then the list of IDs.\n",
    "rag": "What is the answer to this query? Give TITLE and ID of each document you use, then the list of answers.\n",
}
"""The sentence before every query, by kind of task."""


def document(number: int, title: str, text: str) -> str:
    """One line of the corpus: `ID: 7 | TITLE: t | CONTENT: p | END ID: 7` (no TITLE part without a title)."""
    head = f"ID: {number} | TITLE: {title}" if title else f"ID: {number}"
    return f"{head} | CONTENT: {text} | END ID: {number}\n"


def query(kind: str, question: str) -> str:
    """The query block, last in the prompt; ends where the candidate's reply begins."""
    return f"====== Query ======\n{QUERY_HEADS[kind]}query: {question}\n"


def example(kind: str, number: int, question: str, reply: str) -> str:
    """A worked example, numbered from 1: the query block as it will be asked, and the reply."""
    return f"====== Example {number} ======\n{QUERY_HEADS[kind]}query: {question}\n{reply}\n\n"


def reply(gold: Sequence[tuple[int, str, str]], answers: Sequence[str]) -> str:
    """The reply a good candidate gives: one line for each gold document (number, title, text), then the answer line.

    Documents without a title are shown by their text, as LOFT does.
    """
    lines = [f"TITLE: {title} | ID: {n}" if title else f"CONTENT: {text} | ID: {n}" for n, title, text in gold]
    return "\n".join([*lines, final_answer(answers)])


def final_answer(answers: Sequence[str]) -> str:
    """The answer line, `Final Answer: ['7', '12']`: a list of strings, quoted as Python quotes them."""
    return f"Final Answer: {[str(a) for a in answers]!r}"
