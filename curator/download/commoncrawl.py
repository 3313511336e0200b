"""Which files of a Common Crawl snapshot are wanted."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from typing import Literal

from curator.download.connection import DownloadError, Session, check_base
from curator.download.part import Wanted

CRAWLS = "https://data.commoncrawl.org"
Kind = Literal["warc", "wet"]

MOST_LIST_BYTES = 16 << 20  # the list of 90,000 files has about 0.3 MB
MOST_EXPANDED = 128 << 20  # and 13 MB unpacked
_CRAWL = re.compile(r"CC-MAIN-[0-9]{4}-[0-9]{2}")
_SUFFIX: dict[Kind, str] = {"warc": "warc.gz", "wet": "warc.wet.gz"}


def crawl_files(session: Session, crawl: str, files: int, kind: Kind = "warc", base: str = CRAWLS) -> list[Wanted]:
    """`files` files of a crawl, evenly spread over its list: a sample of all its segments.

    The order is that of bit-reversed positions, so `files=20` holds all that `files=10` holds: a sample is enlarged by
    running the command again with a larger number, and nothing that was brought is in vain.
    """
    if not _CRAWL.fullmatch(crawl):
        raise DownloadError(f"--crawl {crawl}: crawls are called CC-MAIN-YYYY-WW, for example CC-MAIN-2024-10")
    base = check_base(base)
    url = f"{base}/crawl-data/{crawl}/{kind}.paths.gz"
    packed = session.read_listing(url, MOST_LIST_BYTES)
    if packed is None:
        raise DownloadError(f"{url}: there is no such list; --crawl {crawl} is not the name of a crawl with {kind} files")
    paths = _paths(_expand(packed, url), crawl, kind, url)
    chosen = [paths[position] for position in spread(len(paths))[:files]]
    return [Wanted(name=path.rpartition("/")[2], url=f"{base}/{path}") for path in chosen]


def spread(count: int) -> list[int]:
    """The positions 0 … count-1 in an order of which every beginning is evenly spread over them (van der Corput)."""
    bits = max(count - 1, 0).bit_length()
    order = [0]
    for bit in range(bits):
        order += [position + (1 << (bits - 1 - bit)) for position in order]
    return [position for position in order if position < count]


def _expand(packed: bytes, url: str) -> list[str]:
    try:
        text = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(MOST_EXPANDED + 1)
        if len(text) > MOST_EXPANDED:
            raise DownloadError(f"{url}: has over {MOST_EXPANDED} bytes unpacked, which no list of paths has")
        return text.decode("ascii").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DownloadError(f"{url}: is no list of paths: {error}") from None


def _paths(lines: list[str], crawl: str, kind: Kind, url: str) -> list[str]:
    """Every line must be a path inside this crawl and end in a plain file name: names from the net become names on disk."""
    pattern = re.compile(
        rf"crawl-data/{crawl}/segments/[0-9]{{1,20}}(\.[0-9]{{1,6}})?/{kind}/"
        rf"CC-MAIN-[0-9A-Za-z]([0-9A-Za-z.-]{{1,150}})\.{re.escape(_SUFFIX[kind])}"
    )
    paths = [line for line in lines if line]
    for number, path in enumerate(paths, 1):
        if not pattern.fullmatch(path):
            raise DownloadError(f"{url}: path {number} is not one of a {kind} file of {crawl}: {path[:200]!r}")
    if not paths:
        raise DownloadError(f"{url}: is empty")
    return paths
