"""Pages that were read and marked stretch by stretch, to be trained on beside the gold; none of them is ever judged.

`labels.jsonl` lies beside this file and holds no text. A row is a page: where it lies in the data (a file, or a WARC and an
address in it, `file#address`), its site, kind and language, and the stretches of its visible text, white space removed, that
are its main text. How the text is cut into blocks does not matter; that it is the text which was marked, `digest` says.

Made for this project: one reader a page, who had seen how the gold marks such pages, chose its blocks by number. A page
without a stretch is a list, a form or an index.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import numpy as np

from curator.extraction.gold import GoldPage, squeezed

LABELS = Path(__file__).with_name("labels.jsonl")
_LEAST = 3000  # bytes of an answer: shorter ones were not offered to the readers


def load(data: Path, labels: Path = LABELS) -> list[GoldPage]:
    """The marked pages, in the order of the file. A page that is not in the data is an error."""
    rows = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    wanted: dict[str, set[str]] = {}
    for row in rows:
        file, _, address = row["page"].partition("#")
        wanted.setdefault(file, set()).add(address)
    found = {
        name: (payload, charset)
        for file, addresses in wanted.items()
        for name, payload, charset in (_in_warc if "" not in addresses else _alone)(data, file, addresses)
    }
    missing = [row["page"] for row in rows if row["page"] not in found]
    if missing:
        raise FileNotFoundError(f"{data}: {len(missing)} marked pages are not there: {missing[0]}")
    return [
        GoldPage(
            row["page"], found[row["page"]][0], "", row["lang"], row["kind"], row["site"],
            found[row["page"]][1], row["digest"], tuple(map(tuple, row["keep"])),
        )
        for row in rows
    ]  # fmt: skip


def _alone(data: Path, file: str, _addresses: set[str]) -> Iterator[tuple[str, bytes, None]]:
    if (data / file).is_file():
        yield file, gzip.decompress((data / file).read_bytes()), None


def _in_warc(data: Path, file: str, addresses: set[str]) -> Iterator[tuple[str, bytes, str | None]]:
    """The first answer of each address that is a page."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    if not (data / file).is_file():
        return
    left = set(addresses)
    with (data / file).open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            address = record.headers.get("WARC-Target-URI")
            answer = record.http_headers
            if address in left and answer and answer.status_code == 200 and "html" in (record.http_content_type or ""):
                payload = record.reader.read()
                if len(payload) >= _LEAST:
                    left.remove(address)
                    yield f"{file}#{address}", payload, record.http_charset or None


def shares(page: GoldPage, texts: list[str]) -> np.ndarray:
    """For each block the share of its characters that were marked. `texts` are those of all blocks of the page."""
    blocks = [squeezed(text) for text in texts]
    if digest("".join(blocks)) != page.digest:
        raise ValueError(f"{page.name}: its visible text is not the one that was marked; mark it again, or leave it out")
    ends = np.array([0, *accumulate(map(len, blocks))])
    marked = np.zeros(ends[-1] + 1)
    for begin, end in page.keep or ():
        marked[begin:end] = 1
    before = np.concatenate([[0.0], np.cumsum(marked)])
    return (before[ends[1:]] - before[ends[:-1]]) / np.maximum(np.diff(ends), 1)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
