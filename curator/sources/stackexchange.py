"""The source `stackexchange`: questions with their answers, from the dumps of Stack Exchange."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from curator.documents import File, Piece, Tally, batched
from curator.extraction.blocks import cut
from curator.extraction.markdown import markdown
from curator.extraction.raised import raised
from curator.extraction.render import plain
from curator.extraction.tree import parse
from curator.sources.postsxml import NAME, BadRow, Elements, Table, is_row, read_row, tables
from curator.sources.sorting import Sorter
from curator.sources.streams import StreamError
from curator.sources.threads import record, threads

MOST_WALKED = 1_000_000  # blocks times levels of a post; real ones have some thousands
MARKS = {"text": ("Q: ", "A: "), "markdown": ("# ", "## Answer\n\n")}
_NO_ROWS = (b"/row", b"?", b"!--")  # elements that may stand between rows
NOT_POSTS = {  # Posts.xml's own numbers of types
    "3": "orphaned_tag_wiki",
    "4": "tag_wiki_excerpt",
    "5": "tag_wiki",
    "6": "moderator_nomination",
    "7": "wiki_placeholder",
    "8": "privilege_wiki",
}
# Stack Exchange's licence by the day of a post, where a dump has no ContentLicense.
LICENSES = (("2018-05-02", "CC BY-SA 4.0"), ("2011-04-08", "CC BY-SA 3.0"), ("", "CC BY-SA 2.5"))
_SITE = re.compile(r"(?:^|/)((?:[a-z0-9-]{1,60}\.){1,4}(?:com|net|org))(?=[-/.]|$)")
_TAG = re.compile(r"<[^<>]*>")
_NUMBER = re.compile(r"-?\d{1,18}")


class _Post(NamedTuple):
    """What is kept of a row until its thread is whole."""

    id: int
    score: int
    date: str | None
    license: str
    body: str
    title: str = ""
    tags: tuple[str, ...] = ()
    accepted: int | None = None
    views: int | None = None
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class StackExchange:
    """Questions of a Stack Exchange dump, each one document with its answers: Posts.xml, plain or compressed (.gz, .bz2, .zst,
    .xz), or inside the .7z or .zip of its site, where the other tables (Comments.xml …) are skips.

    Answers stand in order of their score, the accepted one first unless `accepted_first` is false. Those scored below
    `min_score` are left out, and those beyond `most_answers`; questions below `min_question_score`, or with fewer than
    `min_answers` answers left, are skips. `format` says what becomes of the posts' HTML; `question` and `answer` stand before a
    title and an answer (`Q: ` and `A: `; in Markdown `# ` and a heading). Every row is a record: an answer is a skip named
    `answer_joined`, or by why it is in no document. `site` builds addresses where the file's name (`ja.stackoverflow.com.7z`)
    does not say.

    Answers come long after their questions, so a file is read as one piece: posts are sorted by question in a temporary file
    (of about half the size of Posts.xml), in 64 MB of memory and 64 kB for each 64 MB of posts. Archives packed by PPMd must be
    unpacked first. metadata: site, score, answers, accepted, tags, views, closed.

        stack: {read: stackexchange, from: dumps/*.7z, min_score: 1, most_answers: 5, format: markdown}
    """

    format: Literal["text", "markdown"] = "text"
    min_score: int | None = None
    min_question_score: int | None = None
    min_answers: int = 1
    most_answers: int | None = None
    accepted_first: bool = True
    question: str | None = None
    answer: str | None = None
    site: str | None = None

    revision: ClassVar[int] = 7
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "url", "date", "license", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("resiliparse",)

    def __post_init__(self) -> None:
        if self.min_answers < 0:
            raise ValueError(f"min_answers: {self.min_answers} is below 0")
        if self.most_answers is not None and self.most_answers < max(self.min_answers, 0):
            raise ValueError(f"most_answers: {self.most_answers} is below min_answers, {self.min_answers}")
        if self.site is not None and not _SITE.fullmatch(self.site):
            raise ValueError(f"site: {self.site!r} is not the name of a site, such as stackoverflow.com")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return [(0, -1)]

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece.file, tally), self.columns)

    def _rows(self, file: File, tally: Tally) -> Iterator[Mapping[str, Any]]:
        if file.size == 0:
            tally.broken("empty", 0, "the file is empty")
            return
        try:
            for table in tables(file.path, file.name):
                if table.part is not None and posixpath.basename(table.part).lower() != NAME:
                    tally.record()
                    tally.skip("other_table")
                    continue
                named = _SITE.search(f"{file.name}/{table.part or ''}".lower())
                site = self.site or (named[1] if named else None)
                with Sorter() as posts:
                    self._sort(table, posts, tally)
                    for _, thread in threads(posts, tally):
                        row = self._thread(thread, site, tally)
                        if row is not None:
                            yield {"part": table.part, **row}
        except StreamError as failure:
            tally.broken(failure.kind, file.name, str(failure))

    # ------------------------------------------------------------------------------------------------------ rows, sorted

    def _sort(self, table: Table, posts: Sorter, tally: Tally) -> None:
        """Every row of a table into `posts`, or counted as what it is."""
        begun = ended = foreign = False
        for element in _elements(table, tally):
            if element is not None and element.startswith(b"!DOCTYPE"):
                tally.broken("doctype", table.name, "a document type is declared: entities are refused")
                return
            if not begun:
                if element is None:
                    break
                begun = element.startswith(b"posts")
                if begun and element.partition(b">")[2].strip():
                    foreign = True
                    tally.broken("garbage", table.name, "something else than rows follows <posts>")
                if not begun and not element.startswith((b"?", b"!--")):
                    tally.record()
                    tally.skip("other_table")
                    return
            elif element is None or is_row(element):
                tally.record()
                post = self._post(element, tally)
                if post is not None:
                    posts.add(post)
            elif element.startswith(b"/posts"):
                ended = True
            elif not foreign and not element.startswith(_NO_ROWS):
                foreign = True
                tally.broken("garbage", table.name, f"something else than a row follows row {tally.records:,}")
        if not begun:
            tally.broken("not_posts", table.name, "no table of posts (<posts>) begins in it")
        elif not ended:
            tally.broken("truncated", table.name, "the table ends before </posts>")

    def _post(self, element: bytes | None, tally: Tally) -> bytes | None:
        try:
            if element is None:
                raise BadRow("row_too_large", "a row that is far larger than any post")
            row = read_row(element)
            kind = row.get("PostTypeId")
            post = _post(row)
            if kind == "1":
                question = post.id
            elif kind == "2":
                question = _number(row, "ParentId")
                if self.min_score is not None and post.score < self.min_score:
                    return tally.skip("answer_below_min_score")
            elif kind is None:
                raise BadRow("malformed_row", "no PostTypeId")
            else:
                return tally.skip(NOT_POSTS.get(kind, "post_type"))
            return record(question, kind == "2", post.id, tuple(post))
        except BadRow as failure:
            return tally.error(failure.kind, tally.records, str(failure))

    # ---------------------------------------------------------------------------------------------------------- threads

    def _thread(self, posts: Iterator[tuple[bool, list[Any]]], site: str | None, tally: Tally) -> Mapping[str, Any] | None:
        question: _Post | None = None
        answers: list[_Post] = []
        for answer, fields in posts:
            if answer:
                answers.append(_Post(*fields))
            else:
                question = _Post(*fields)
        if question is None:
            return _skip(tally, "answer_without_question", len(answers))
        if self.min_question_score is not None and question.score < self.min_question_score:
            tally.skip("question_below_min_score")
            return _skip(tally, "answer_of_skipped_question", len(answers))
        return self._document(question, answers, site, tally)

    def _document(self, question: _Post, answers: list[_Post], site: str | None, tally: Tally) -> Mapping[str, Any] | None:
        first = question.accepted if self.accepted_first else None
        answers.sort(key=lambda post: (post.id != first, -post.score, post.id))
        given: list[tuple[_Post, str]] = []
        empty = 0
        for post in answers if len(answers) >= self.min_answers else ():
            if len(given) == self.most_answers:
                break
            text = _text(post.body, self.format)
            empty += not text
            if text:
                given.append((post, text))
        if len(given) < self.min_answers:
            tally.skip("question_without_answers")
            return _skip(tally, "answer_of_skipped_question", len(answers))
        asked = _text(question.body, self.format)
        title = " ".join(question.title.split())
        if not (asked or title):
            tally.skip("empty")
            return _skip(tally, "answer_of_skipped_question", len(answers))
        _skip(tally, "answer_empty", empty)
        _skip(tally, "answer_joined", len(given))
        _skip(tally, "answer_beyond_most", len(answers) - empty - len(given))
        before_question, before_answer = MARKS[self.format]
        if self.question is not None:
            before_question = self.question
        if self.answer is not None:
            before_answer = self.answer
        parts = [part for part in (title, asked) if part]
        parts[0] = before_question + parts[0]
        known = {
            "site": site,
            "score": question.score,
            "answers": len(given),
            "accepted": any(post.id == question.accepted for post, _ in given),
            "tags": question.tags,
            "views": question.views,
            "closed": question.closed or None,
        }
        return {
            "offset": question.id,
            "text": "\n\n".join([*parts, *(before_answer + text for _, text in given)]),
            "title": title or None,
            "url": f"https://{site}/questions/{question.id}" if site else None,
            "date": question.date,
            "license": max(post.license for post in (question, *(post for post, _ in given))),
            "metadata": orjson.dumps({key: value for key, value in known.items() if value is not None}).decode(),
        }


def _skip(tally: Tally, kind: str, count: int) -> None:
    if count:
        tally.skip(kind, count)


def _elements(table: Table, tally: Tally) -> Iterator[bytes | None]:
    """What stands behind each `<`; at a damaged place, what there is before it."""
    cutter = Elements()
    first = True
    try:
        for portion in table.contents:
            for element in cutter.feed(portion):
                if not first:
                    yield element
                first = False
    except StreamError as failure:
        tally.broken(failure.kind, table.name, str(failure))
    if not first:
        yield cutter.last()


def _post(row: dict[str, str]) -> _Post:
    date = row.get("CreationDate")
    tags = row.get("Tags", "")
    return _Post(
        id=_number(row, "Id"),
        score=_number(row, "Score", 0, signed=True),
        date=date,
        license=row.get("ContentLicense") or next(name for since, name in LICENSES if (date or "") >= since),
        body=row.get("Body", ""),
        title=row.get("Title", ""),
        tags=tuple(tag for tag in re.split(r"[<>|]", tags) if tag),  # <a><b> up to 2024, then |a|b|
        accepted=_number(row, "AcceptedAnswerId", -1),
        views=_number(row, "ViewCount", -1) if "ViewCount" in row else None,
        closed="ClosedDate" in row,
    )


def _number(row: dict[str, str], name: str, missing: int | None = None, signed: bool = False) -> int:
    value = row.get(name)
    if value is None and missing is not None:
        return missing
    if value is None or not _NUMBER.fullmatch(value) or (value.startswith("-") and not signed):
        raise BadRow("malformed_row", f"{name} is {value!r:.40}")
    return int(value)


def _text(page: str, form: str) -> str:
    """A post's HTML by the renderers of pages. These walk up from every block, so what nests without end, as no post does, has
    its tags cut out instead."""
    tree = parse(raised(page))
    blocks = cut(tree, "")
    if len(blocks) * len(tree.parent) > MOST_WALKED and len(blocks) * _depth(tree.parent) > MOST_WALKED:
        return html.unescape(_TAG.sub("", page)).strip()
    every = np.ones(len(blocks), np.bool_)
    return (markdown(tree, blocks, every) if form == "markdown" else plain(tree, blocks, every)).strip()


def _depth(parent: np.ndarray) -> int:
    depths: list[int] = []
    for above in parent.tolist():
        depths.append(depths[above] + 1 if above >= 0 else 0)
    return max(depths, default=0)
