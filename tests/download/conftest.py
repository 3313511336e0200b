"""A web server on this machine that serves, cuts, lies and forgets as it is told."""

from __future__ import annotations

import functools
import gzip
import hashlib
import random
import re
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(kw_only=True)
class Answer:
    """How one request is answered; without any of these, as an honest server does."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None  # close the connection after so many bytes of the body
    silent: float = 0.0  # seconds before anything is said
    nothing: bool = False  # close without a word
    no_ranges: bool = False  # the whole file, whatever was asked
    length: int | None = None  # a Content-Length that is not true; -1 for none
    content_range: str | None = None
    more: bytes = b""  # after the end of the file
    slow: float = 0.0  # seconds between pieces of 32 KiB


class Site:
    """The files of a server, how the next requests for each are answered, and what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.next: dict[str, list[Answer]] = defaultdict(list)
        self.always: dict[str, Answer] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.when: list[float] = []  # each request came
        self.open = self.most_open = 0
        self.lock = threading.Lock()
        self.url = ""

    def of(self, path: str) -> list[dict[str, str]]:
        """The headers of the requests for one path."""
        return [headers for _, asked, headers in self.asked if asked == path]

    def etag(self, path: str) -> str:
        return self.etags.get(path, f'"{hashlib.sha1(self.files[path]).hexdigest()[:12]}"')


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        self.close_connection = True
        site = self.site
        with site.lock:
            site.asked.append((self.command, self.path, dict(self.headers)))
            site.when.append(time.monotonic())
            answer = site.next[self.path].pop(0) if site.next[self.path] else site.always.get(self.path, Answer())
            site.open += 1
            site.most_open = max(site.open, site.most_open)
        try:
            self._send(answer, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough
        finally:
            with site.lock:
                site.open -= 1

    def _send(self, answer: Answer, body: bool) -> None:
        time.sleep(answer.silent)
        if answer.nothing:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = self.site.files.get(self.path)
        if answer.status is not None or data is None:
            self.send_response(answer.status or 404)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = self._start(answer, len(data))
        if start >= len(data) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start or answer.content_range else 200)
        if start or answer.content_range:
            self.send_header("Content-Range", answer.content_range or f"bytes {start}-{len(data) - 1}/{len(data)}")
        for name, value in {"ETag": self.site.etag(self.path), **answer.headers}.items():
            self.send_header(name, value)
        if answer.length != -1:
            self.send_header(
                "Content-Length", str((len(data) if answer.length is None else answer.length) + len(answer.more) - start)
            )
        self.end_headers()
        if body:
            self._body((data[start:] if answer.cut is None else data[start : start + answer.cut]) + answer.more, answer.slow)

    def _start(self, answer: Answer, size: int) -> int:
        match = re.fullmatch(r"bytes=([0-9]+)-", self.headers.get("Range", ""))
        if match is None or answer.no_ranges or self.headers.get("If-Range") != self.site.etag(self.path):
            return 0
        return int(match[1])

    def _body(self, data: bytes, slow: float) -> None:
        if not slow:
            self.wfile.write(data)
            return
        for at in range(0, len(data), 1 << 15):
            self.wfile.write(data[at : at + (1 << 15)])
            time.sleep(slow)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Request", (_Request,), {"site": site}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield site
    server.shutdown()
    server.server_close()


CRAWL = "CC-MAIN-2024-10"


@functools.cache
def members(seed: int, count: int = 6, size: int = 50_000) -> bytes:
    """A file of `count` gzip members that do not compress."""
    draw = random.Random(seed)
    return b"".join(gzip.compress(draw.randbytes(size), mtime=0) for _ in range(count))


@pytest.fixture
def crawl(site: Site) -> list[str]:
    """A crawl of eight WARC files; the paths of them on the server."""
    paths = [
        f"/crawl-data/{CRAWL}/segments/17079474{number:02}.0/warc/CC-MAIN-20240220211055-20240221001055-{number:05}.warc.gz"
        for number in range(8)
    ]
    site.files |= {path: members(number) for number, path in enumerate(paths)}
    site.files[f"/crawl-data/{CRAWL}/warc.paths.gz"] = gzip.compress("".join(f"{path[1:]}\n" for path in paths).encode())
    return paths
