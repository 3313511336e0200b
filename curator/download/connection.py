"""One polite HTTP client: who we are, what we follow, what is worth another try, and how long to wait before it."""

from __future__ import annotations

import email.utils
import http.client
import random
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

from curator import __version__
from curator.storage import StorageError

T = TypeVar("T")

CHUNK = 1 << 17
MOST_REDIRECTS = 5
LONGEST_WAIT = 600.0  # seconds; a server that asks for more is not waited for
BUSY = frozenset([403, 429, 503])  # Common Crawl and Wikimedia answer so to clients that ask too much: all connections wait
PASSING = BUSY | {408, 425, 500, 502, 504}
DIGITS = re.compile(r"[0-9]{1,15}")


class DownloadError(StorageError):
    """A download that cannot be had, in words for the user."""


class OutOfTries(DownloadError):
    """The server or the line failed again and again."""


class FileMissing(DownloadError):
    """404 or 410."""


class Transient(Exception):
    """It failed, and may work at another try. `wait`: the seconds that the server asked for."""

    def __init__(self, message: str, wait: float | None = None, busy: bool = False) -> None:
        super().__init__(message)
        self.wait, self.busy = wait, busy


class RangeRefused(Exception):
    """416: the server has no bytes from there on."""


class Stopped(Exception):
    """The user stopped the download."""


class Session:
    """What the connections of one download share: patience, a pause that holds for all of them, and the wish to stop.

    A request is tried `tries` times in a row without progress. Between two tries we wait `first` seconds, then twice as long
    each time up to `most`, between half and all of it by chance, and never less than the server's Retry-After.
    """

    def __init__(
        self,
        *,
        tries: int = 8,
        first: float = 1.0,
        most: float = 60.0,
        timeout: float = 60.0,
        note: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.tries, self.first, self.most, self.timeout, self.note = tries, first, most, timeout, note
        self.stop = threading.Event()
        self._resume_at = 0.0  # on the monotonic clock; only ever moved on, so threads need no lock

    def open(self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> http.client.HTTPResponse:
        """The answer to one request, with status 200 or 206. Raises Transient, RangeRefused or DownloadError."""
        self._sleep(self._resume_at - time.monotonic())
        return _open(url, headers or {}, method, self.timeout)

    def wait(self, url: str, failure: Transient, failures: int) -> None:
        """Wait for the next try after `failures` of them, or raise OutOfTries."""
        if failures >= self.tries:
            raise OutOfTries(f"{url}: gave up after {failures} tries: {failure}. {_advice(failure.busy)}")
        if failure.wait is not None and failure.wait > LONGEST_WAIT:
            raise OutOfTries(f"{url}: {failure}, and asks to be left alone for {failure.wait:.0f} s. {_advice(failure.busy)}")
        pause = min(self.most, self.first * 2 ** (failures - 1)) * random.uniform(0.5, 1)
        pause = max(pause, failure.wait or 0.0)
        self.note(f"{url.rpartition('/')[2] or url}: {failure}; trying again in {pause:.0f} s ({failures + 1} of {self.tries})")
        if failure.busy:
            self._resume_at = max(self._resume_at, time.monotonic() + pause)
        self._sleep(pause)

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(max(seconds, 0.0)):
            raise Stopped

    def read_listing(self, url: str, most: int) -> bytes | None:
        """The body of a small file, whole and at most `most` bytes long; None when the server has no such file."""
        return self._patiently(url, lambda: self._read_listing(url, most))

    def length(self, url: str) -> int | None:
        """The size of a file by the word of the server, or None."""
        return self._patiently(url, lambda: self._length(url))

    def _patiently(self, url: str, once: Callable[[], T]) -> T:
        failures = 0
        while True:
            try:
                return once()
            except Transient as failure:
                failures += 1
                self.wait(url, failure, failures)

    def _read_listing(self, url: str, most: int) -> bytes | None:
        try:
            response = self.open(url)
        except FileMissing:
            return None
        with response:
            body = b"".join(_up_to(response, most + 1))
            if len(body) > most:
                raise DownloadError(f"{url}: is over {most} bytes, which no list of this kind is; is the address right?")
            expected = content_length(response)
            if expected is not None and len(body) < expected:
                raise Transient(f"the connection ended after {len(body)} of {expected} bytes")
            return body

    def _length(self, url: str) -> int | None:
        try:
            with self.open(url, method="HEAD") as response:
                return content_length(response)
        except DownloadError:
            return None


def check_base(url: str) -> str:
    """A base address without the slash at its end; only http and https are spoken."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:  # brackets or a port that are none
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or re.search(r"[?#\s]", url):
        raise DownloadError(f"--base-url {url}: write http:// or https://, a host and perhaps a path")
    return url.rstrip("/")


def chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body as it arrives, so that a kill loses nothing that came; a broken connection is Transient."""
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise Transient(_words(error)) from None
        if not chunk:
            return
        yield chunk


def content_length(response: http.client.HTTPResponse) -> int | None:
    said = response.headers.get("Content-Length", "")
    return int(said) if DIGITS.fullmatch(said) else None


def _up_to(response: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks(response):
        yield chunk
        size += len(chunk)
        if size >= most:
            return


# --------------------------------------------------------------------------------------------------------- one request


class _Redirects(urllib.request.HTTPRedirectHandler):
    """A few, and never away from HTTP or down from HTTPS."""

    max_redirections = MOST_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in (before, "https"):
            fp.close()
            raise DownloadError(f"{req.full_url}: is redirected from {before} to {after}, which is not followed: {newurl[:99]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """What `build_opener` makes, less the schemes file, ftp and data."""
    opener = urllib.request.OpenerDirector()
    opener.addheaders = []
    for each in (
        urllib.request.ProxyHandler(),  # of the environment
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(each)
    return opener


def _open(url: str, headers: Mapping[str, str], method: str, timeout: float) -> http.client.HTTPResponse:
    ours = {"User-Agent": f"curator/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers={**ours, **headers}, method=method)
    try:
        response = _opener().open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(url, error) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DownloadError(f"{url}: the server's certificate is not valid: {error.reason.verify_message}") from None
        raise Transient(_words(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Transient(_words(error)) from None
    if response.status not in (200, 206):
        response.close()
        raise DownloadError(f"{url}: the server answers {response.status}, which is neither the file nor a refusal")
    return response


def _refusal(url: str, error: urllib.error.HTTPError) -> Exception:
    said = f"the server answers {error.code} {http.client.responses.get(error.code, '')}".rstrip()
    if error.code in (404, 410):
        return FileMissing(f"{url}: {said}; check the name, or the mirror in --base-url")
    if error.code == 416:
        return RangeRefused()
    if error.code in PASSING or error.code >= 500:
        return Transient(said, _retry_after(error.headers.get("Retry-After")), busy=error.code in BUSY)
    if 300 <= error.code < 400:
        return DownloadError(f"{url}: {said} and redirects too often, or to where we do not follow")
    return DownloadError(f"{url}: {said}")


def _retry_after(value: str | None) -> float | None:
    """Seconds from now: the header holds seconds or a date."""
    if value is None:
        return None
    if DIGITS.fullmatch(value.strip()):
        return float(value)
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def _words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "the server went silent"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended early"
    if isinstance(error, OSError):
        return f"{error.strerror or error or type(error).__name__}"[:200]
    return f"the answer is not HTTP ({type(error).__name__})"


def _advice(busy: bool) -> str:
    if busy:
        return "Perhaps too many requests come from your network: run the command again later, with --connections 1; it goes on"
    return "Check the network and run the same command again: it goes on where it stopped"
