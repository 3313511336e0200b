"""`extract`: the payload of a web page to the text that a person came for."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import pyarrow as pa

from curator import extraction
from curator.charsets import decode
from curator.errors import UserError
from curator.stages import engines
from curator.stages.markup import visible_text, work

_VISIBLE_BYTES = 8 << 20  # of a page that are looked at for its visible text
MOST_TITLE = 1000  # characters

# Formats that no text is in, whatever the server called them.
_BINARY = (
    *(b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"OggS", b"ID3", b"wOFF", b"FWS", b"CWS"),
    *(b"PK\x03\x04", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"\x7fELF", b"\xd0\xcf\x11\xe0"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_LOOKS_LIKE_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|div|p|table|meta|title|script|a|br|h1)[\s>/]", re.I)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\ufeff]+")


class ExtractError(UserError):
    """An engine that is not there."""


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Decode a page and keep its main text and what it says of itself.

    Charset as browsers do, with lies survived (see `charset`); `replaced` counts the U+FFFD that stand for bad bytes. The
    main text is found by `engine`: `curator`, a small trained model over the page's blocks of text (see `extraction`),
    `resiliparse` (Bevendorff et al., ECIR 2018) or `trafilatura` (Barbaresi, ACL 2021; `pip install 'curator[trafilatura]'`).
    `format: markdown` (not resiliparse) keeps headings, lists, quotes, code and tables as such; in `text` they are lines, and
    of the curator engine a table's cells are set apart by tabs. Where the engine finds nothing, the
    page's whole visible text stands. A page without any, an empty or a binary payload has a null text. `text/plain` is
    decoded and no more. The curator engine also gives `author`, `published` (a day, as the page tells it: `date` stays the
    crawl's) and `canonical`, the address that the page calls its own: `url` stays the one that it was fetched from. A
    payload over `max_bytes` is cut there before it is parsed. The engine's own parser is bounded; a page that would cost the
    others more than MOST_WORK nodes (nested tags, endless attributes) is read without a tree.
    """

    engine: Literal["curator", "resiliparse", "trafilatura"] = "curator"
    format: Literal["text", "markdown"] = "text"
    max_bytes: int = 8 << 20

    revision: ClassVar[int] = 14
    reads: ClassVar[frozenset[str]] = frozenset({"payload", "content_type", "charset"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {
        "text": pa.string(),
        "title": pa.string(),
        "author": pa.string(),
        "published": pa.string(),
        "canonical": pa.string(),
        "replaced": pa.int32(),
        "charset": pa.string(),
    }

    def __post_init__(self) -> None:
        if self.max_bytes < 1024:
            raise ValueError(f"max_bytes: {self.max_bytes} is less than 1024 bytes")
        if self.format == "markdown" and self.engine == "resiliparse":
            raise ValueError("format: engine: resiliparse writes no markdown; curator and trafilatura do")

    @property
    def libraries(self) -> tuple[str, ...]:
        return ("chardetng-py", "resiliparse", *(("trafilatura",) if self.engine == "trafilatura" else ()))

    def files(self) -> Sequence[str]:
        return ()

    def check(self) -> None:
        """Raise ExtractError where the engine is not installed."""
        if self.engine == "trafilatura" and importlib.util.find_spec("trafilatura") is None:
            raise ExtractError("engine: trafilatura is not installed: install curator[trafilatura]")

    def warm(self) -> None:
        work(b"<p>warm</p>")
        if self.engine == "curator":
            extraction.warm()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        pages = [
            read_page(head(payload, self.max_bytes), content_type, charset, self.engine, self.format)
            if payload.is_valid
            else _NOTHING
            for payload, content_type, charset in zip(
                docs.column("payload"), docs.column("content_type").to_pylist(), docs.column("charset").to_pylist()
            )
        ]
        return {name: pa.array([getattr(p, name) for p in pages], kind) for name, kind in self.writes.items()}


@dataclass(frozen=True)
class Page:
    text: str | None
    title: str | None = None
    author: str | None = None
    published: str | None = None
    canonical: str | None = None
    replaced: int = 0
    charset: str | None = None


_NOTHING = Page(None)


def head(payload: pa.BinaryScalar, most: int) -> bytes:
    """The first `most` bytes of a payload, copied once."""
    buffer = payload.as_buffer()
    return buffer.slice(0, min(most, buffer.size)).to_pybytes()


def read_page(
    payload: bytes, content_type: str | None = None, charset: str | None = None, engine: str = "curator", form: str = "text"
) -> Page:
    """One payload's text and what else it says; `content_type` and `charset` as the HTTP header gave them."""
    if is_binary(payload):
        return _NOTHING
    markup = is_markup(payload, content_type)
    decoded = decode(payload, charset, markup)
    if not markup:
        page = Page(decoded.text if decoded.text.strip() else None)
    else:
        page = _main_text(decoded.utf8, engine, "markdown" if form == "markdown" else "text")
    return replace(page, replaced=decoded.replaced, charset=decoded.charset)


def visible(payload: pa.BinaryScalar, content_type: str | None, charset: str | None, most: int) -> str | None:
    """About `most` characters of what the page shows, without a tree: enough to tell its language. None if it is no text."""
    page = head(payload, _VISIBLE_BYTES)
    if is_binary(page):
        return None
    markup = is_markup(page, content_type)
    decoded = decode(page, charset, markup)
    return visible_text(decoded.utf8, most) if markup else decoded.text[:most]


def is_binary(payload: bytes) -> bool:
    """A known signature, or so many control characters that it is no text in any charset but UTF-16."""
    if payload.startswith(_BINARY):
        return True
    head = payload[:1024]
    if payload.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 16 and min(even, odd) * 8 < max(even, odd):
        return False
    return len(_CONTROL.findall(head)) * 20 > len(head)


def is_markup(payload: bytes, content_type: str | None) -> bool:
    """HTML and XML by the header; without a header, or with one that says nothing, by the first tags."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if "html" in kind or "xml" in kind:
        return True
    if kind.startswith("text/"):
        return False
    head = payload[:1024].replace(b"\0", b"")
    return head.lstrip().startswith(b"<") or _LOOKS_LIKE_MARKUP.search(head) is not None


def _main_text(page: bytes, engine: str, form: Literal["text", "markdown"]) -> Page:
    """`page` is in UTF-8."""
    page = page.replace(b"\0", b"")
    if engine != "curator":
        text, title = engines.trafilatura(page, form) if engine == "trafilatura" else engines.resiliparse(page)
        return Page(text.strip() or None, clean_title(title))
    found = extraction.extract(page, form)
    text = found.text or engines.everything(page)
    return Page(text.strip() or None, clean_title(found.title), found.author, found.published, found.canonical)


def clean_title(title: str | None) -> str | None:
    """One line, single spaces, at most MOST_TITLE characters; None if nothing is left."""
    return _SPACES.sub(" ", title or "").strip()[:MOST_TITLE].rstrip() or None
