"""METRICS: the name of every metric, what it counts, what that is divided by, and its parameters.

A metric is integer counts of kernels added up, and, unless it is a count itself, one division. A new one needs a line here if
its counts exist, a column of a kernel if not, and its twin in `tests/reference.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from curator.metrics import characters, frequencies, lines, ngrams, phrases, sentences, words
from curator.metrics.classes import (
    ALPHANUMERIC,
    BRACE,
    CAPITALS,
    DIGIT,
    HAN,
    HANGUL,
    HASH,
    KANA,
    LATIN,
    LATIN_UPPER,
    LETTERS,
    NEWLINE,
    REPLACEMENT,
    SPACE,
    SYMBOLS,
)


class Kernel(enum.Enum):
    """What counts: how many columns of counts a row of it has, and the parameters that it runs with. It runs once for each set
    of their values that the metrics ask for."""

    LENGTH = ("length", 1, ())  # characters, whatever they are
    CHARACTERS = ("characters", characters.COLUMNS, ())
    DISTINCT = ("distinct", 2, ())  # distinct characters; the bits of the sum that the entropy is made of
    LINES = ("lines", lines.COLUMNS, ("chars", "trim", "blank"))
    SENTENCES = ("sentences", 1, ())
    SPACED_WORDS = ("words that spaces part", sentences.SPACED_COLUMNS, ())
    WORDS = ("words", words.COLUMNS, ())
    STOP_WORDS = ("stop words", words.STOP_COLUMNS, ("list",))
    COMMON_RUNS = ("common runs of characters", frequencies.COLUMNS, ())
    CHARACTER_NGRAMS = ("character n-grams", ngrams.COLUMNS, ())
    WORD_NGRAMS = ("word n-grams", ngrams.COLUMNS, ())
    PHRASES = ("phrases", phrases.COLUMNS, ("list", "match"))

    @property
    def columns(self) -> int:
        return self.value[1]

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.value[2]


WORDS = ("characters", "jieba")  # what a word of Han characters can be

Column = tuple[Kernel, int]
Parameters = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """`kind`: a count; a ratio from 0 to 1; a mean, which has no upper end; nats. `about` says what it measures, for people.
    The parameters are those of the kernels that `count` names."""

    kind: Literal["count", "ratio", "mean", "nats"]
    about: str
    count: tuple[Column, ...]
    over: tuple[Column, ...] = ()
    ngram: tuple[int, int] | None = None  # length, and the bit of `count_ngrams`' wanted
    parameters: Mapping[str, Any] = field(default_factory=dict)  # name -> default; its type is the type allowed; or all values
    reads: Literal["text", "url"] = "text"

    @property
    def type(self) -> pa.DataType:
        return pa.int32() if self.kind == "count" else pa.float32()

    @property
    def kernels(self) -> set[Kernel]:
        return {kernel for kernel, _ in (*self.count, *self.over)}


@dataclass(frozen=True)
class Asked:
    """A metric that somebody wants: under which name, and with which parameters other than the default ones."""

    name: str
    metric: str
    given: Parameters = ()

    @property
    def parameters(self) -> dict[str, Any]:
        defaults = {k: v[0] if isinstance(v, tuple) else v for k, v in METRICS[self.metric].parameters.items()}
        return {**defaults, **dict(self.given)}

    @property
    def list(self) -> str | None:
        """The name of the list of words that it counts."""
        return self.parameters.get("list")


def _characters(*kinds: int) -> tuple[Column, ...]:
    return tuple((Kernel.CHARACTERS, column) for column in characters.columns_of(kinds))


def _share(about: str, *kinds: int) -> Metric:
    return Metric(kind="ratio", about=f"{about} / characters", count=_characters(*kinds), over=_CHARS)


def _line(
    kind: Literal["count", "ratio", "mean"], about: str, column: int, over: int | None = None, **parameters: Any
) -> Metric:
    divisor = ((Kernel.LINES, over),) if over is not None else ()
    parameters = {**parameters, "trim": True, "blank": False}
    return Metric(kind=kind, about=about, count=((Kernel.LINES, column),), over=divisor, parameters=parameters)


def _word(kind: Literal["count", "ratio", "mean"], about: str, column: int, over: int | None = None) -> Metric:
    return Metric(
        kind=kind, about=about, count=((Kernel.WORDS, column),), over=((Kernel.WORDS, over),) if over is not None else ()
    )


def _stop_words(kind: Literal["count", "ratio"], about: str, column: int, *over: Column) -> Metric:
    parameters = {"list": "stop_words_en"}
    return Metric(kind=kind, about=about, count=((Kernel.STOP_WORDS, column),), over=over, parameters=parameters)


def _phrase(kind: Literal["count", "ratio", "mean"], about: str, column: int, *over: Column) -> Metric:
    parameters = {"list": "", "match": phrases.MATCHES}
    return Metric(kind=kind, about=about, count=((Kernel.PHRASES, column),), over=over, parameters=parameters)


def _repetition(kernel: Kernel, which: int, n: int) -> Metric:
    words = kernel is Kernel.WORD_NGRAMS
    runs = f"the commonest run of {n}" if which == ngrams.TOP else f"runs of {n} that stood before"
    about = f"characters of words in {runs} / characters" if words else f"characters in {runs} / characters, whitespace aside"
    column = ngrams.top_column(n) if which == ngrams.TOP else ngrams.dup_column(n)
    return Metric(
        kind="ratio",
        about=about,
        count=((kernel, column),),
        over=_CHARS if words else ((kernel, ngrams.UNITS_CHARS),),
        ngram=(n, which),
    )


def _published(which: int, n: int) -> Metric:
    """Repetition by datatrove's formulas, which thresholds were published for."""
    joined = which == ngrams.JOINED
    column = ngrams.joined_column(n) if joined else ngrams.skipping_column(n)
    spaces = f"occurrences of the commonest run of {n} words x (its characters + {n - 1} spaces) / characters"
    return Metric(
        kind="mean" if joined else "ratio",
        about=spaces if joined else f"characters in runs of {n} words that stood before, reading on behind each / characters",
        count=((Kernel.WORD_NGRAMS, column),),
        over=_CHARS,
        ngram=(n, which),
    )


_CHARS: tuple[Column, ...] = ((Kernel.LENGTH, 0),)
_VISIBLE: tuple[Column, ...] = ((Kernel.CHARACTERS, characters.VISIBLE),)
_BRACKETED: tuple[Column, ...] = ((Kernel.CHARACTERS, characters.BRACKETED),)

METRICS: dict[str, Metric] = {
    # Characters: code points, whitespace included.
    "chars": Metric(kind="count", about="characters", count=_CHARS),
    "han_chars": Metric(kind="count", about="Han characters", count=_characters(HAN)),
    "curly_brackets": Metric(kind="count", about="{ and }", count=_characters(BRACE)),
    "han_ratio": _share("Han characters", HAN),
    "kana_ratio": _share("hiragana and katakana", KANA),
    "hangul_ratio": _share("hangul", HANGUL),
    "latin_ratio": _share("Latin letters", LATIN, LATIN_UPPER),
    "digit_ratio": _share("decimal digits", DIGIT),
    "symbol_ratio": _share("punctuation and symbols", *SYMBOLS),
    "special_ratio": _share("punctuation, symbols, digits and whitespace", *SYMBOLS, DIGIT, SPACE, NEWLINE),
    "alnum_ratio": _share("letters and numerals", *ALPHANUMERIC),
    "whitespace_ratio": _share("whitespace", SPACE, NEWLINE),
    "upper_ratio": _share("capital letters", *CAPITALS),
    "replacement_ratio": _share("U+FFFD, which stands for bytes that were no text", REPLACEMENT),
    "bracketed_ratio": Metric(kind="ratio", about="characters inside 【】 / characters", count=_BRACKETED, over=_CHARS),
    "unique_chars": Metric(kind="count", about="distinct characters, whitespace aside", count=((Kernel.DISTINCT, 0),)),
    "unique_char_ratio": Metric(
        kind="ratio", about="distinct characters / characters, whitespace aside", count=((Kernel.DISTINCT, 0),), over=_VISIBLE
    ),
    "char_entropy": Metric(
        kind="nats", about="entropy of single characters, whitespace aside", count=((Kernel.DISTINCT, 1),), over=_VISIBLE
    ),
    "common_char_3gram_ratio": Metric(
        kind="ratio",
        about="occurrences of the √D commonest of the D runs of three characters, of those that repeat / of all",
        count=((Kernel.COMMON_RUNS, frequencies.COMMON),),
        over=((Kernel.COMMON_RUNS, frequencies.RUNS),),
    ),
    # Lines: those that are not blank; lengths without the newline.
    "lines": _line("count", "lines that are not blank", lines.LINES),
    "mean_line_chars": _line("mean", "characters / lines", lines.CHARS, lines.LINES),
    "max_line_chars": _line("count", "characters of the longest line", lines.LONGEST),
    "short_line_ratio": _line("ratio", "lines of at most `chars` characters / lines", lines.SHORT, lines.LINES, chars=30),
    "long_lines": _line("count", "lines of at least `chars` characters", lines.LONG, chars=200),
    "punct_line_end_ratio": _line("ratio", "lines that end with a terminal mark / lines", lines.PUNCTUATED, lines.LINES),
    "sentence_line_end_ratio": _line(
        "ratio", "lines that end with a mark that ends a sentence / lines", lines.STOPPED, lines.LINES
    ),
    "punct_line_end_char_ratio": _line(
        "ratio", "characters of lines that end with a terminal mark / of lines", lines.PUNCTUATED_CHARS, lines.CHARS
    ),
    "clause_line_ratio": _line(
        "ratio", "lines with a comma or a mark that ends a sentence / lines", lines.CLAUSED, lines.LINES
    ),
    "clause_line_char_ratio": _line(
        "ratio", "characters of lines with a comma or an end of a sentence / of lines", lines.CLAUSED_CHARS, lines.CHARS
    ),
    "ellipsis_line_ratio": _line("ratio", "lines that end with an ellipsis / lines", lines.ELLIPTIC, lines.LINES),
    "bullet_line_ratio": _line("ratio", "lines that begin with a bullet / lines", lines.BULLETED, lines.LINES),
    "dup_line_ratio": _line("ratio", "lines that stood before / lines", lines.REPEATED, lines.LINES),
    "dup_line_char_ratio": _line(
        "ratio", "characters of lines that stood before / of lines", lines.REPEATED_CHARS, lines.CHARS
    ),
    "paragraphs": _line("count", "paragraphs: lines with no blank line between", lines.PARAGRAPHS),
    "dup_paragraph_ratio": _line(
        "ratio", "paragraphs that stood before / paragraphs", lines.REPEATED_PARAGRAPHS, lines.PARAGRAPHS
    ),
    "dup_paragraph_char_ratio": _line(
        "ratio", "characters of paragraphs that stood before / of lines", lines.REPEATED_PARAGRAPH_CHARS, lines.CHARS
    ),
    # Words, and tokens: words and symbols. See words.py.
    "words": _word("count", "words", words.WORDS),
    "mean_word_length": _word("mean", "characters of words / words", words.WORD_CHARS, words.WORDS),
    "max_word_chars": _word("count", "characters of the longest word", words.LONGEST),
    "alpha_word_ratio": _word("ratio", "tokens with a letter / tokens", words.ALPHABETIC, words.TOKENS),
    "hash_word_ratio": Metric(kind="mean", about="# / tokens", count=_characters(HASH), over=((Kernel.WORDS, words.TOKENS),)),
    "ellipsis_word_ratio": _word("ratio", "ellipses / tokens", words.ELLIPSES, words.TOKENS),
    "stop_words": _stop_words("count", "distinct words of the `list` that occur", words.STOP_WORDS),
    "stop_word_ratio": _stop_words("ratio", "words of the `list` / words", words.STOP_WORD_HITS, (Kernel.WORDS, words.WORDS)),
    "newlines_per_word": Metric(
        kind="mean", about="newlines / tokens", count=_characters(NEWLINE), over=((Kernel.WORDS, words.TOKENS),)
    ),
    # Sentences, and words as C4 and RefinedWeb count them. See sentences.py.
    "sentences": Metric(kind="count", about="sentences that hold a letter or a numeral", count=((Kernel.SENTENCES, 0),)),
    "spaced_words": Metric(
        kind="count", about="runs of characters without whitespace", count=((Kernel.SPACED_WORDS, sentences.SPACED_WORDS),)
    ),
    "max_spaced_word_chars": Metric(
        kind="count",
        about="characters of the longest run without whitespace",
        count=((Kernel.SPACED_WORDS, sentences.LONGEST_SPACED_WORD),),
    ),
    # Phrases of the `list`, which need not be one word each. See phrases.py.
    "phrases": _phrase("count", "occurrences of phrases of the `list`", phrases.OCCURRENCES),
    "distinct_phrases": _phrase("count", "different phrases of the `list` that occur", phrases.DISTINCT),
    "phrase_ratio": _phrase(
        "ratio", "letters inside phrases of the `list` / letters", phrases.LETTERS_COVERED, *_characters(*LETTERS)
    ),
    "distinct_phrase_ratio": _phrase(
        "ratio", "letters of different phrases of the `list` / letters", phrases.DISTINCT_LETTERS, *_characters(*LETTERS)
    ),
    "phrases_per_char": _phrase("ratio", "occurrences / characters", phrases.OCCURRENCES, *_CHARS),
    "phrases_per_word": _phrase("mean", "occurrences / words", phrases.OCCURRENCES, (Kernel.WORDS, words.WORDS)),
    "distinct_phrases_per_line": _phrase("mean", "different phrases / lines", phrases.DISTINCT, (Kernel.LINES, lines.LINES)),
}
for _kernel, _name in ((Kernel.CHARACTER_NGRAMS, "char"), (Kernel.WORD_NGRAMS, "word")):
    METRICS |= {f"top_{_name}_{n}gram_ratio": _repetition(_kernel, ngrams.TOP, n) for n in (2, 3, 4)}
    METRICS |= {f"dup_{_name}_{n}gram_ratio": _repetition(_kernel, ngrams.DUP, n) for n in (5, 6, 7, 8, 9, 10, 13)}
METRICS |= {f"top_word_{n}gram_joined_ratio": _published(ngrams.JOINED, n) for n in (2, 3, 4)}
METRICS |= {f"dup_word_{n}gram_skipping_ratio": _published(ngrams.SKIPPING, n) for n in (5, 6, 7, 8, 9, 10)}

# Addresses, in lists that the user names: see urls.py.
METRICS |= {
    "listed_domains": Metric(
        kind="count",
        about="1 if the host or a domain above it is in the `list`",
        count=(),
        parameters={"list": ""},
        reads="url",
    ),
    "listed_urls": Metric(
        kind="count", about="1 if the address or one above it is in the `list`", count=(), parameters={"list": ""}, reads="url"
    ),
}

# What the rules on lines have cut, as the filter counts it.
CUTS: dict[str, Metric] = {
    "cut_line_ratio": Metric(kind="ratio", about="lines that `lines:` cut / lines", count=()),
    "cut_char_ratio": Metric(kind="ratio", about="characters of lines that `lines:` cut / of lines", count=()),
    "cut_word_ratio": Metric(kind="ratio", about="words of lines that `lines:` cut / of lines", count=()),
}
