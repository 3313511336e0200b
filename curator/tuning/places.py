"""The places of a text that a metric counts: what a person should look at when a rule has decided.

Slow and plain, for one document at a time; the kernels of curator/metrics do the counting. Both read the same classes of
characters and the same pieces of long texts, so what is shown is what was counted.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from curator.metrics import METRICS, Asked, Metric, characters, han_words, lines, ngrams, phrases, tokens, words
from curator.metrics.catalogue import Kernel
from curator.metrics.classes import (
    BULLET,
    CLAUSE_ENDS,
    ELLIPSIS,
    HAN,
    LETTERS,
    SENTENCE_ENDS,
    STOP,
    TERMINALS,
    table,
)
from curator.metrics.lists import EMPTY, WordList
from curator.metrics.segments import PADDING, PIECE_BYTES, pieces

Place = tuple[int, int]  # code points of the text: the first, and the one after the last


class Line(NamedTuple):
    """A line that is not blank; `first` and `last` are its first and last characters that are not whitespace."""

    start: int
    end: int
    first: int
    last: int


class Token(NamedTuple):
    start: int
    end: int
    word: bool


class Part:
    """A piece of a text, as the kernels see it, and what they make of it."""

    def __init__(self, text: str, parameters: Mapping[str, Any], listed: WordList, cut_by: str, met: set[str]) -> None:
        self.text, self.parameters, self.listed, self.cut_by = text, parameters, listed, cut_by
        self.trim, self.blank = parameters.get("trim", True), parameters.get("blank", False)
        self.met = met  # phrases in this and earlier pieces of the text

    @functools.cached_property
    def points(self) -> np.ndarray:
        return np.frombuffer(self.text.encode("utf-32-le"), np.uint32)

    @functools.cached_property
    def kinds(self) -> np.ndarray:
        return table()[self.points]

    @functools.cached_property
    def lines(self) -> list[Line]:
        return [line for paragraph in self.paragraphs for line in paragraph]

    @functools.cached_property
    def paragraphs(self) -> list[list[Line]]:
        found: list[list[Line]] = [[]]
        start = 0
        for line in self.text.split("\n"):
            end = start + len(line)
            if line.strip() and self.trim:
                first = end - len(line.lstrip())
                found[-1].append(Line(start, end, first, start + len(line.rstrip()) - 1))
            elif line.strip() or (line and self.blank):
                found[-1].append(Line(start, end, start, end - 1))
            elif found[-1]:
                found.append([])
            start = end + 1
        return [paragraph for paragraph in found if paragraph]

    @functools.cached_property
    def tokens(self) -> list[Token]:
        length = len(self.text)
        begins = np.ones(length + PADDING, np.uint8)
        runs = list(_runs(self.kinds == HAN)) if self.cut_by == "jieba" else []
        if runs:
            starts, stops = np.array(runs, np.int64).T.copy()
            han_words.mark(self.points, starts, stops, begins, hmm=True)
        points, kinds = np.zeros(length + PADDING, np.uint32), np.zeros(length + PADDING, np.uint8)
        points[:length], kinds[:length] = self.points, self.kinds
        starts, stops, bounds = np.empty(length, np.int32), np.empty(length, np.int32), np.zeros(2, np.int64)
        rows, counts = np.zeros(1, np.int64), np.zeros((1, words.COLUMNS), np.int64)
        tokens.find_tokens(points, kinds, np.array([0, length], np.int64), rows, begins, True, starts, stops, bounds, counts)
        found = zip(starts[: bounds[1]].tolist(), stops[: bounds[1]].tolist())
        return [Token(start, end, words.is_word(kinds, start, end - start)) for start, end in found]

    def content(self, line: Line) -> str:
        found = self.text[line.first : line.last + 1]
        return found.strip() if self.trim else found

    def word(self, token: Token) -> str:
        return self.text[token.start : token.end]


def places(
    text: str,
    metric: str,
    parameters: Mapping[str, Any] | None = None,
    lists: Mapping[str, WordList] | None = None,
    *,
    words: str = "characters",
    piece_bytes: int = PIECE_BYTES,
) -> list[Place]:
    """Where a text has what the metric counts, in order and apart from one another. None where `counts` is None.

    `parameters` are those of the rule where they differ from the metric's own, `lists` those that they name; `words` is what
    the filter says a word of Han characters is.
    """
    find = _finder(METRICS[metric])
    if find is None:
        return []
    given = Asked(metric, metric, tuple((parameters or {}).items())).parameters
    listed = (lists or {}).get(given.get("list", ""), EMPTY)
    found: list[Place] = []
    met: set[str] = set()
    at = 0
    for piece in _pieces(text, piece_bytes):
        part = Part(piece, given, listed, words, met)
        found += [(at + start, at + end) for start, end in find(part)]
        at += len(piece)
    if METRICS[metric].count[0] in _LONGEST and found:
        return [max(found, key=lambda place: place[1] - place[0])]
    return found


def counted(metric: str) -> bool:
    """Whether what a metric counts has places: a length, a mean, entropy have none."""
    return _finder(METRICS[metric]) is not None


def _pieces(text: str, piece_bytes: int) -> list[str]:
    data = text.encode()
    if len(data) <= piece_bytes:
        return [text]
    return [data[start:stop].decode() for start, stop in pieces(np.frombuffer(data, np.uint8), 0, piece_bytes)]


Finder = Callable[[Part], Iterable[Place]]


def _finder(metric: Metric) -> Finder | None:
    """How the places of a metric are found: by the column of counts that it divides."""
    if not metric.count:  # of the address
        return None
    kernel, column = metric.count[0]
    if kernel is Kernel.CHARACTERS and characters.classes_of(column):
        return functools.partial(_of_classes, [kind for _, several in metric.count for kind in characters.classes_of(several)])
    if metric.ngram is not None:
        n, which = metric.ngram
        return functools.partial(_repeated_ngrams, n, _OCCURRENCES[which], kernel is Kernel.WORD_NGRAMS)
    return _FINDERS.get((kernel, column))


# ----------------------------------------------------------------------------------------------------------- characters


def _of_classes(kinds: Sequence[int], part: Part) -> Iterator[Place]:
    return _runs(np.isin(part.kinds, kinds))


def _runs(mask: np.ndarray) -> Iterator[Place]:
    """Stretches where the mask holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist())


def _bracketed(part: Part) -> Iterator[Place]:
    """What stands between 【 and the 】 that follows on the same line."""
    opened = -1
    for at, character in enumerate(part.text):
        if character == "【" and opened < 0:
            opened = at
        elif character in "】\n":
            if character == "】" and 0 <= opened < at - 1:
                yield opened + 1, at
            opened = -1


# ---------------------------------------------------------------------------------------------------------------- lines


def _lines_that(test: Callable[[Part, Line], bool]) -> Finder:
    return lambda part: [(line.start, line.end) for line in part.lines if test(part, line)]


def _short(part: Part, line: Line) -> bool:
    return line.end - line.start <= part.parameters["chars"]


def _long(part: Part, line: Line) -> bool:
    return line.end - line.start >= part.parameters["chars"]


def _ends_sentence(part: Part, line: Line) -> bool:
    return part.kinds[line.last] in SENTENCE_ENDS


def _ends_in_mark(part: Part, line: Line) -> bool:
    return part.kinds[line.last] in TERMINALS


def _has_clause(part: Part, line: Line) -> bool:
    if np.isin(part.kinds[line.first : line.last + 1], CLAUSE_ENDS).any():
        return True
    inside = part.text[line.start : line.end]
    return any(c == "." and (at + 1 == len(inside) or inside[at + 1].isspace()) for at, c in enumerate(inside))


def _ends_in_ellipsis(part: Part, line: Line) -> bool:
    return part.kinds[line.last] == ELLIPSIS or part.text[line.first : line.last + 1].endswith(("...", "。。。"))


def _begins_with_bullet(part: Part, line: Line) -> bool:
    return part.kinds[line.first] == BULLET


def _repeated_lines(part: Part) -> Iterator[Place]:
    return _repeats([part.content(line) for line in part.lines], [(line.start, line.end) for line in part.lines])


def _repeated_paragraphs(part: Part) -> Iterator[Place]:
    contents = [tuple(map(part.content, paragraph)) for paragraph in part.paragraphs]
    return _repeats(contents, [(paragraph[0].start, paragraph[-1].end) for paragraph in part.paragraphs])


def _repeats(items: Sequence[Any], where: Sequence[Place]) -> Iterator[Place]:
    seen = set()
    for item, place in zip(items, where):
        if item in seen:
            yield place
        seen.add(item)


# ---------------------------------------------------------------------------------------------------------------- words


def _tokens_that(test: Callable[[Part, Token], bool]) -> Finder:
    return lambda part: [(token.start, token.end) for token in part.tokens if test(part, token)]


def _has_letter(part: Part, token: Token) -> bool:
    return bool(np.isin(part.kinds[token.start : token.end], LETTERS).any())


def _is_ellipsis(part: Part, token: Token) -> bool:
    kind = part.kinds[token.start]
    return kind == ELLIPSIS or (kind == STOP and token.end - token.start >= 3)


def _listed_words(part: Part) -> list[Place]:
    forms = {form for word in part.listed.words for form in (word, word.capitalize(), word.upper())}
    return [(token.start, token.end) for token in part.tokens if token.word and part.word(token) in forms]


def _phrases(part: Part) -> Iterator[Place]:
    for start, end, _ in phrases.places(part.text, part.listed, part.parameters["match"]):
        yield start, end


def _first_phrases(part: Part) -> Iterator[Place]:
    """Of every phrase its first occurrence."""
    for start, end, phrase in phrases.places(part.text, part.listed, part.parameters["match"]):
        if phrase not in part.met:
            part.met.add(phrase)
            yield start, end


# -------------------------------------------------------------------------------------------------------------- n-grams


Occurrences = Callable[[Sequence[tuple[str, ...]]], Iterable[int]]


def _repeated_ngrams(n: int, occurrences: Occurrences, of_words: bool, part: Part) -> Iterator[Place]:
    """What the commonest n-gram covers, or all n-grams that stood before: which of them, `occurrences` says."""
    if of_words:
        where: list[Place] = [(token.start, token.end) for token in part.tokens]
    else:
        where = [(at, at + 1) for at, character in enumerate(part.text) if not character.isspace()]
    units = [part.text[start:end] for start, end in where]
    grams = [tuple(units[at : at + n]) for at in range(len(units) - n + 1)]
    covered = np.zeros(len(units), bool)
    for at in occurrences(grams):
        covered[at : at + n] = True
    for first, after in _runs(covered):
        yield where[first][0], where[after - 1][1]


def _top(grams: Sequence[tuple[str, ...]]) -> list[int]:
    common = Counter(grams).most_common(1)  # of equals, the first to appear
    if not common or common[0][1] < 2:
        return []
    return [at for at, gram in enumerate(grams) if gram == common[0][0]]


def _again(grams: Sequence[tuple[str, ...]]) -> Iterator[int]:
    seen = set()
    for at, gram in enumerate(grams):
        if gram in seen:
            yield at
        seen.add(gram)


def _again_skipping(grams: Sequence[tuple[str, ...]]) -> Iterator[int]:
    """Those that stood before, reading on behind each."""
    seen, at = set(), 0
    while at < len(grams):
        if grams[at] in seen:
            yield at
            at += len(grams[at])
        else:
            seen.add(grams[at])
            at += 1


_OCCURRENCES: dict[int, Occurrences] = {
    ngrams.TOP: _top,
    ngrams.JOINED: _top,
    ngrams.DUP: _again,
    ngrams.SKIPPING: _again_skipping,
}
_FINDERS: dict[tuple[Kernel, int], Finder] = {
    (Kernel.CHARACTERS, characters.BRACKETED): _bracketed,
    (Kernel.LINES, lines.LONGEST): _lines_that(lambda part, line: True),
    (Kernel.LINES, lines.SHORT): _lines_that(_short),
    (Kernel.LINES, lines.LONG): _lines_that(_long),
    (Kernel.LINES, lines.STOPPED): _lines_that(_ends_sentence),
    (Kernel.LINES, lines.PUNCTUATED): _lines_that(_ends_in_mark),
    (Kernel.LINES, lines.PUNCTUATED_CHARS): _lines_that(_ends_in_mark),
    (Kernel.LINES, lines.CLAUSED): _lines_that(_has_clause),
    (Kernel.LINES, lines.CLAUSED_CHARS): _lines_that(_has_clause),
    (Kernel.LINES, lines.ELLIPTIC): _lines_that(_ends_in_ellipsis),
    (Kernel.LINES, lines.BULLETED): _lines_that(_begins_with_bullet),
    (Kernel.LINES, lines.REPEATED): _repeated_lines,
    (Kernel.LINES, lines.REPEATED_CHARS): _repeated_lines,
    (Kernel.LINES, lines.REPEATED_PARAGRAPHS): _repeated_paragraphs,
    (Kernel.LINES, lines.REPEATED_PARAGRAPH_CHARS): _repeated_paragraphs,
    (Kernel.WORDS, words.LONGEST): _tokens_that(lambda part, token: token.word),
    (Kernel.WORDS, words.ALPHABETIC): _tokens_that(_has_letter),
    (Kernel.WORDS, words.ELLIPSES): _tokens_that(_is_ellipsis),
    (Kernel.STOP_WORDS, words.STOP_WORDS): _listed_words,
    (Kernel.STOP_WORDS, words.STOP_WORD_HITS): _listed_words,
    (Kernel.PHRASES, phrases.OCCURRENCES): _phrases,
    (Kernel.PHRASES, phrases.DISTINCT): _first_phrases,
    (Kernel.PHRASES, phrases.DISTINCT_LETTERS): _first_phrases,
    (Kernel.PHRASES, phrases.LETTERS_COVERED): _phrases,
}
_LONGEST = ((Kernel.LINES, lines.LONGEST), (Kernel.WORDS, words.LONGEST))  # of all, one is the place
