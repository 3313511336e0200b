"""The source `reddit`: submissions and comments of the Pushshift dumps, and of those that continue them."""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import orjson
import pyarrow as pa

from curator.documents import File, Piece, Tally, batched
from curator.sources.jsonlines import LINE_BYTES, line_ranges, objects
from curator.sources.sorting import Sorter
from curator.sources.threads import record, threads

WINDOW_BYTES = 1 << 31  # the dumps were written by `zstd --long=31`
_ID = re.compile(r"(?:t[13]_)?([0-9a-z]{1,12})")
_GONE = {
    "[deleted]": "deleted",
    "[deleted by user]": "deleted",
    "[removed]": "removed",
    "[ removed by reddit ]": "removed",
    "[ removed by reddit in response to a copyright notice. ]": "removed",
}
_INVISIBLE = re.compile("[\u200b\u200c\u200d\ufeff]")


class _Post(NamedTuple):
    """A submission or a comment, as it is kept until its thread is whole."""

    id: int
    link: int  # the submission's id
    parent: int | None  # of a comment, the comment that it answers
    score: int
    date: str | None
    text: str
    title: str
    subreddit: str
    url: str | None
    comments: int | None
    over_18: bool
    kind: str


class _Unfit(Exception):
    """A line that is no document. `error`, or a skip."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.error = bool(message)


@dataclass(frozen=True, kw_only=True)
class Reddit:
    """Reddit's submissions (RS_2015-01.zst, AskHistorians_submissions.zst) and comments (RC_…, …_comments) as Pushshift and its
    successors publish them: a JSON object a line, zstd with a window of up to 2 GB (which takes as much memory), or .xz, .bz2,
    .gz, plain. Each line says itself what it is.

    `join: none` makes a document of each submission that has a text (its title before it) and of each comment. `join: threads`
    makes one of all comments of a submission that are in the same file, with the submission if it is there too: replies behind
    what they answer, higher scores first, `between` set between them; a file is then sorted on disk and read as one piece.

    Skips: `deleted` and `removed` by their texts, `link` (a submission without a text), `empty`, `below_min_score`,
    `below_min_comments` (of submissions, by their own count), `over_18` unless that is `keep`, `bot` (the authors in `bots`),
    `other_subreddit` (than those of `subreddits`, if any), `joined` (to a thread's first post). Scores are those of the day on
    which the dump was made. Texts are the Markdown that was typed, entities resolved. metadata: id, kind, subreddit, score,
    comments, over_18, thread (posts in it); never the author.

        reddit: {read: reddit, from: reddit/RS_*.zst, min_score: 3, min_comments: 2, over_18: skip}
    """

    join: Literal["none", "threads"] = "none"
    min_score: int | None = None
    min_comments: int | None = None
    over_18: Literal["keep", "skip"] = "keep"
    subreddits: tuple[str, ...] = ()
    bots: tuple[str, ...] = ("AutoModerator",)
    between: str = "\n\n"
    max_line: int = LINE_BYTES

    revision: ClassVar[int] = 2
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "url", "date", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("orjson", "zstandard")

    def __post_init__(self) -> None:
        if self.max_line <= 0:
            raise ValueError(f"max_line: {self.max_line} is not a number of bytes above 0")
        if self.min_comments is not None and self.min_comments < 0:
            raise ValueError(f"min_comments: {self.min_comments} is below 0")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return line_ranges(file, size) if self.join == "none" else [(0, -1)]

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        rows = self._each(piece, tally) if self.join == "none" else self._threads(piece, tally)
        return batched(rows, self.columns)

    def _each(self, piece: Piece, tally: Tally) -> Iterator[Mapping[str, Any]]:
        for offset, post in self._posts(piece, tally):
            yield {"offset": offset, **_row(post, _whole(post))}

    def _posts(self, piece: Piece, tally: Tally) -> Iterator[tuple[int, _Post]]:
        subreddits = {name.lower() for name in self.subreddits}
        bots = frozenset(self.bots)
        for offset, fields in objects(piece, tally, self.max_line, WINDOW_BYTES):
            try:
                if _string(fields, "author") in bots:
                    raise _Unfit("bot")
                if subreddits and _string(fields, "subreddit").lower() not in subreddits:
                    raise _Unfit("other_subreddit")
                post = _post(fields)
                if self.min_score is not None and post.score < self.min_score:
                    raise _Unfit("below_min_score")
                if self.min_comments is not None and post.kind == "submission" and (post.comments or 0) < self.min_comments:
                    raise _Unfit("below_min_comments")
                if self.over_18 == "skip" and post.over_18:
                    raise _Unfit("over_18")
            except _Unfit as unfit:
                if unfit.error:
                    tally.error(unfit.kind, offset, str(unfit))
                else:
                    tally.skip(unfit.kind)
            else:
                yield offset, post

    # ---------------------------------------------------------------------------------------------------------- threads

    def _threads(self, piece: Piece, tally: Tally) -> Iterator[Mapping[str, Any]]:
        with Sorter() as posts:
            for _, post in self._posts(piece, tally):
                posts.add(record(post.link, post.kind == "comment", post.id, tuple(post)))
            for link, found in threads(posts, tally):
                told = _thread(found, tally)
                if told:
                    text = self.between.join(_whole(post) for post in told)
                    yield {"offset": link, **_row(told[0], text, thread=len(told))}


def _thread(posts: Iterator[tuple[bool, list[Any]]], tally: Tally) -> list[_Post]:
    """The posts of a thread as they are to be read. All but the first are counted as joined to it."""
    found: dict[int, _Post] = {}
    submission: _Post | None = None
    for comments, fields in posts:
        post = _Post(*fields)
        if comments:
            found[post.id] = post
        else:
            submission = post
    replies: dict[int | None, list[_Post]] = {}
    for post in found.values():
        # Ids ascend with time, so what answers a younger one was forged, and would go round in circles.
        known = post.parent is not None and post.parent in found and post.parent < post.id
        replies.setdefault(post.parent if known else None, []).append(post)
    for below in replies.values():
        below.sort(key=lambda post: (post.score, -post.id))  # the last is taken first
    told = [submission] if submission else []
    waiting = replies.get(None, [])
    while waiting:
        post = waiting.pop()
        told.append(post)
        waiting += replies.get(post.id, ())
    if len(told) > 1:
        tally.skip("joined", len(told) - 1)
    return told


def _post(fields: dict[str, Any]) -> _Post:
    """What a line says. Raises _Unfit."""
    comment = isinstance(fields.get("body"), str)
    if not comment and not isinstance(fields.get("title"), str):
        raise _Unfit("no_text", "neither a comment (body) nor a submission (title)")
    text = _string(fields, "body" if comment else "selftext").strip()
    gone = _GONE.get(text.lower())
    if gone:
        raise _Unfit(gone)
    if not comment and (fields.get("removed_by_category") or _GONE.get(_string(fields, "title").strip().lower())):
        raise _Unfit("deleted" if fields.get("removed_by_category") == "deleted" else "removed")
    text = _resolved(text)
    if not text:
        raise _Unfit("empty" if comment or fields.get("is_self") is True else "link")
    number = _base36(fields, "id" if "id" in fields else "name")
    link = _base36(fields, "link_id") if comment else number
    parent = _base36(fields, "parent_id") if comment and _string(fields, "parent_id").startswith("t1_") else None
    subreddit = _string(fields, "subreddit")
    path = _string(fields, "permalink")
    if not path and subreddit:
        path = f"/r/{subreddit}/comments/{_written(link)}/" + (f"_/{_written(number)}/" if comment else "")
    return _Post(
        id=number,
        link=link,
        parent=parent,
        score=_integer(fields, "score") or 0,
        date=_date(fields),
        text=text,
        title="" if comment else " ".join(_resolved(_string(fields, "title")).split()),
        subreddit=subreddit,
        url=f"https://www.reddit.com{path}" if path.startswith("/") else None,
        comments=None if comment else _integer(fields, "num_comments"),
        over_18=fields.get("over_18") is True,
        kind="comment" if comment else "submission",
    )


def _whole(post: _Post) -> str:
    return f"{post.title}\n\n{post.text}" if post.title else post.text


def _row(post: _Post, text: str, thread: int | None = None) -> Mapping[str, Any]:
    known = {
        "id": _written(post.id),
        "kind": post.kind,
        "subreddit": post.subreddit or None,
        "score": post.score,
        "comments": post.comments,
        "over_18": post.over_18 or None,
        "thread": thread,
    }
    return {
        "text": text,
        "title": post.title or None,
        "url": post.url,
        "date": post.date,
        "metadata": orjson.dumps({key: value for key, value in known.items() if value is not None}).decode(),
    }


def _resolved(text: str) -> str:
    """Reddit escapes what is typed (`&amp;`), and what is typed has entities of its own (`&nbsp;`), that Markdown resolves."""
    if "&" in text:
        text = html.unescape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return _INVISIBLE.sub("", text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\xa0", " ")).strip()


def _string(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _integer(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):  # of 2008 and before
        value = int(value)
    if isinstance(value, float) and abs(value) < 1 << 53:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 62 else None


def _date(fields: dict[str, Any]) -> str | None:
    seconds = _integer(fields, "created_utc")
    if seconds is None or not 0 <= seconds < 1 << 33:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _base36(fields: dict[str, Any], name: str) -> int:
    found = _ID.fullmatch(_string(fields, name))
    if found is None:
        raise _Unfit("malformed_id", f"{name} is {fields.get(name)!r:.60}")
    return int(found[1], 36)


def _written(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
