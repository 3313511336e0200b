"""A worker's memory is bounded by batches, not by files: a WARC of 1 GB, which nothing can cut, goes through one process."""

from __future__ import annotations

import os
import random
import re
import zlib
from pathlib import Path

import orjson
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

UNCOMPRESSED = 1_000_000_000
MOST_RESIDENT = 1_500_000_000
LARGE_PAGE = 12 << 20  # now and then one near the source's bound

RECIPE = """\
name: large
sources:
  web: {{read: warc, from: {path}}}
stages:
  - extract
  - normalize: {{form: NFC}}
  - filter: zh_web
  - dedup_documents: {{shingle: 5, bands: 14, rows: 8}}
  - redact
rejected_text: 0.01
output: {output}
"""
PAGE = (
    "<!DOCTYPE html><html><head><meta charset=utf-8><title>{title}</title><style>{style}</style></head><body>"
    "<nav>{menu}</nav><article><h1>{title}</h1>{article}</article><footer>{menu}</footer><script>{script}</script></body></html>"
)


def sentences() -> list[str]:
    folder = Path(__file__).parents[2] / "pipelines" / "quickstart" / "pages" / "zh-hans"
    text = "".join(path.read_text() for path in sorted(folder.glob("*.txt")))
    found = re.findall(r"[一-鿿，、“”]{12,60}[。！？]", text)
    assert len(found) > 500
    return found


def write_warc(path: Path, size: int) -> int:
    """Pages of 20 to 300 kB and a few huge ones, of which a quarter is text; returns how many."""
    draw, known = random.Random(1), sentences()
    menu = "".join(f'<a href="/channel/{i}/index.html" class="menu item-{i}">频道{i}</a>' for i in range(40))
    noise = "".join(f".c{i}{{margin:{i}px;background:url(/static/{i:08x}.png)}}\n" for i in range(4000))
    written = pages = 0
    with path.open("wb") as stream:
        while written < size:
            length = LARGE_PAGE if pages % 1000 == 500 else draw.randrange(20_000, 300_000)
            paragraphs = ["<p>" + "".join(draw.choices(known, k=8)) + "</p>\n" for _ in range(length // 4 // 900)]
            half = (length - length // 4) // 2
            start = draw.randrange(len(noise) // 2)
            filling = noise[start:] * (half // len(noise) + 2)
            body = PAGE.format(
                title=f"第{pages}页", style=filling[:half], menu=menu, article="".join(paragraphs), script=filling[: half // 2]
            ).encode()
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
            head = (
                f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://site{pages % 97}.example/{pages}\r\n"
                f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{pages:012d}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
            ).encode()
            packer = zlib.compressobj(1, wbits=31)
            stream.write(packer.compress(head + http + b"\r\n\r\n") + packer.flush())
            written += len(head) + len(http)
            pages += 1
    return pages


def test_a_warc_of_a_gigabyte(tmp_path: Path, cli) -> None:
    path = tmp_path / "large.warc.gz"
    pages = write_warc(path, UNCOMPRESSED)
    recipe = tmp_path / "large.yaml"
    recipe.write_text(RECIPE.format(path=path, output=tmp_path / "out"))
    process = cli.start("run", recipe, "--on", "inline", log=tmp_path / "log")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (tmp_path / "log").read_text()[-3000:]
    web = orjson.loads((tmp_path / "out" / "summary.json").read_bytes())["sources"]["web"]
    assert web["documents"] == pages
    assert web["kept"] > pages * 0.9, web["rejected"]
    assert web["chars_kept"] > UNCOMPRESSED / 20
    assert usage.ru_maxrss * 1024 < MOST_RESIDENT, f"{usage.ru_maxrss / 1024:,.0f} MiB"
