"""One file: continued where it stopped, tried again with patience, checked, and only then named."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from curator.download.connection import DownloadError, RangeRefused, Session, Stopped, Transient, chunks, content_length
from curator.download.ledger import Entry, entry_of
from curator.download.part import Part, Wanted

PROGRESS = 1 << 16  # a try that brings us this much further than any before it does not count as a failure
MOST_SPOILED = 2  # downloads that are wrong: the second is no accident
SPOILED = "The file on this server is damaged, or a proxy on the way changes it: try again later, or another --base-url"
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")

Told = Callable[[int, int], None]  # the bytes that are here, and those of the whole file


class Spoiled(Exception):
    """What came is not the file."""


def fetch(wanted: Wanted, folder: Path, session: Session, told: Told, enter: Callable[[Entry], None]) -> Entry:
    """Bring `wanted` into `folder`. `enter` records it just before it gets its name. Raises DownloadError or Stopped."""
    part = Part(wanted, folder)
    furthest, failures, spoiled = part.length, 0, 0
    while True:
        try:
            if not part.whole:
                _receive(part, session, told, again=spoiled > 0)
            if problem := part.proof.problem:
                raise Spoiled(problem)
            break
        except Transient as failure:
            failures = 1 if part.length >= furthest + PROGRESS else failures + 1
            furthest = max(furthest, part.length)
            session.wait(wanted.url, failure, failures)
        except Spoiled as failure:
            part.drop()
            spoiled += 1
            if spoiled == MOST_SPOILED:
                raise DownloadError(f"{wanted.url}: came {spoiled} times and is wrong: {failure}. {SPOILED}") from None
            session.note(f"{wanted.name}: {failure}; bringing it again from its beginning")
    part.settle()
    entry = entry_of(part.path, wanted.url, part.proof, part.etag, part.modified)
    enter(entry)
    part.rename()
    return entry


def _receive(part: Part, session: Session, told: Told, again: bool) -> None:
    """Ask for what is missing, and append it."""
    headers = {"Cache-Control": "no-cache"} if again else {}
    if part.length and part.validator:
        headers |= {"Range": f"bytes={part.length}-", "If-Range": part.validator}
    try:
        response = session.open(part.wanted.url, headers)
    except RangeRefused:
        raise Spoiled(f"the server promised {part.size} bytes and has no more than {part.length}") from None
    with response:
        if response.status == 206:
            _check_continues(part, response)
        else:
            etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
            part.begin(_size(part.wanted, response), etag, modified)
        part.append(_arriving(part, response, session, told))
    if not part.whole:
        raise Transient(f"the connection ended after {part.length} of {part.size} bytes")


def _arriving(part: Part, response: http.client.HTTPResponse, session: Session, told: Told) -> Iterator[bytes]:
    """The chunks of a response, for as long as they can be the file and the user wants it."""
    size = part.size or 0
    told(part.length, size)
    for chunk in chunks(response):
        if session.stop.is_set():
            raise Stopped
        if part.length + len(chunk) > size:
            raise Spoiled(f"the server sends more than the {size} bytes that it promised")
        yield chunk
        told(part.length, size)
        if part.proof.broken:  # no use in waiting for the rest
            raise Spoiled(part.proof.broken)


def _check_continues(part: Part, response: http.client.HTTPResponse) -> None:
    """The answer must begin where the part ends, in the same file."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    etag = response.headers.get("ETag", part.etag)
    if match is None or int(match[1]) != part.length or int(match[3]) != part.size or etag != part.etag:
        part.drop()
        raise Transient("the file has changed on the server, so it begins anew")


def _size(wanted: Wanted, response: http.client.HTTPResponse) -> int:
    size = content_length(response)
    if size is None:
        raise DownloadError(f"{wanted.url}: the server does not say how long it is, so nobody could tell whether it came whole")
    if wanted.size is not None and size != wanted.size:
        raise DownloadError(f"{wanted.url}: has {size} bytes on this server, and {wanted.size} were published. {SPOILED}")
    return size
