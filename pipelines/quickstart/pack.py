"""Build the web data of the quickstart: pages/ -> web-00000.warc.gz, web-00001.warc.gz, web-00002.warc.gz and INDEX.tsv.

    python pipelines/quickstart/pack.py            build and write the files beside this one
    python pipelines/quickstart/pack.py --check    build, and fail if the files beside this one hold anything else

A page is a small file: `key: value` lines, a blank line, a body in a few marks of Markdown. It is put into the HTML of its
site (sites.toml, templates/, words.toml) and stored as Common Crawl does it: warcinfo, then request, response and metadata,
each a gzip member of its own. Everything is derived from the files: two runs give the same bytes. Standard library only.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import re
import sys
import tomllib
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
FILES = 3
CRAWL_START = datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC)
MARKS = {"-": ("ul", "<li>{}</li>"), "+": ("ol", "<li>{}</li>"), ">": ("blockquote", "<p>{}</p>"), "/": ("p", "{}<br>")}
HTML_LANGUAGE = {"zh-Hans": "zh-CN", "zh-Hant": "zh-TW", "yue": "zh-HK"}


@dataclass(frozen=True)
class Page:
    """One file of pages/. `fields` holds its header lines; README.md lists them."""

    path: str
    fields: Mapping[str, str]
    body: str

    def get(self, key: str, default: str = "") -> str:
        return self.fields.get(key, default)

    @property
    def url(self) -> str:
        return self.fields["url"]

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def charset(self) -> str:
        return self.get("charset", "utf-8")

    @property
    def file(self) -> int:
        return int(self.get("file") or digest(self.url)[0] % FILES)


def digest(text: str) -> bytes:
    return hashlib.sha1(text.encode()).digest()


def read_pages(folder: Path) -> list[Page]:
    pages = []
    for path in sorted(folder.rglob("*.txt")):
        header, _, body = path.read_text(encoding="utf-8").partition("\n\n")
        fields = dict(line.split(": ", 1) for line in header.splitlines())
        pages.append(Page(path.relative_to(folder).as_posix(), fields, body))
    bodies = {page.path: page.body for page in pages}
    return [replace(page, body=bodies[page.get("body_of") + ".txt"]) if page.get("body_of") else page for page in pages]


# --------------------------------------------------------------------------------------------------------------- bodies


def inline(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', text)


def blocks(body: str, paragraph: str) -> str:
    """HTML of a body. A line is a paragraph, or one of: ## heading, - item, + numbered item, > quotation, / line of verse,
    | cell | cell |; ``` opens and closes code. `paragraph` is the template's own form of a paragraph."""
    out: list[str] = []
    opened = ""
    lines = iter(body.strip("\n").split("\n"))

    def turn(tag: str) -> None:
        nonlocal opened
        if tag != opened:
            out.extend([f"</{opened}>"] * bool(opened) + [f"<{tag}>"] * bool(tag))
            opened = tag

    for line in lines:
        mark, _, rest = line.partition(" ")
        if line.startswith("```"):
            turn("")
            code = [html.escape(text, quote=False) for text in iter(lambda: next(lines), "```")]
            name = line.removeprefix("```")
            out.append(f'<pre class="highlight"><code class="language-{name}">' + "\n".join(code) + "</code></pre>")
        elif mark in ("##", "###"):
            turn("")
            out.append(f"<h{len(mark)}>{inline(rest)}</h{len(mark)}>")
        elif mark in MARKS:
            tag, form = MARKS[mark]
            turn(tag)
            out.append(form.format(inline(rest)))
        elif mark == "|":
            turn("table")
            cells = "".join(f"<td>{inline(cell.strip())}</td>" for cell in line.strip("| ").split("|"))
            out.append(f"<tr>{cells}</tr>")
        elif line.strip():
            turn("")
            out.append(paragraph.replace("TEXT", inline(line)))
        else:
            turn("")
    turn("")
    return "\n".join(out)


def posts(body: str, paragraph: str) -> tuple[str, list[dict[str, str]]]:
    """The text before the first `@@ name | date | note` line, and what follows as posts (comments, replies, answers)."""
    first, *rest = re.split(r"(?m)^@@ ", body)
    found = []
    for number, part in enumerate(rest, 1):
        head, _, text = part.partition("\n")
        name, date, note = ([*(piece.strip() for piece in head.split("|")), "", ""])[:3]
        signed = "1" * (number % 4 == 2)  # not everyone has a signature
        found.append({"name": name, "date": date, "note": note, "number": str(number), "signed": signed})
        found[-1]["text"] = blocks(text, paragraph)
    return blocks(first, paragraph), found


# ------------------------------------------------------------------------------------------------------------ templates


def fill(template: str, *scopes: Mapping[str, Any]) -> str:
    """Mustache's smallest part: {{name}} escaped, {{&name}} as it is, {{#name}}…{{/name}} once an item, or if not empty."""

    def look(name: str) -> Any:
        return next((scope[name] for scope in scopes if name in scope), "")

    def section(match: re.Match[str]) -> str:
        value = look(match[1])
        items = value if isinstance(value, list) else [{}] if value else []
        return "".join(fill(match[2], item, *scopes) for item in items)

    text = re.sub(r"(?s)\{\{#(\w+)\}\}(.*?)\{\{/\1\}\}", section, template)
    return re.sub(
        r"\{\{(&?)(\w+)\}\}", lambda match: str(look(match[2])) if match[1] else html.escape(str(look(match[2]))), text
    )


class Web:
    """Every page with what surrounds it: the sites' furniture and each other's links."""

    def __init__(self, folder: Path) -> None:
        self.pages = read_pages(folder / "pages")
        self.sites: dict[str, dict[str, Any]] = tomllib.loads((folder / "sites.toml").read_text(encoding="utf-8"))
        self.words: dict[str, dict[str, Any]] = tomllib.loads((folder / "words.toml").read_text(encoding="utf-8"))
        self.templates = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "templates").glob("*.html")}

    def html(self, page: Page) -> str:
        if page.get("template") == "raw":
            return page.body
        site = self.sites[page.host]
        words = self.words[page.get("words") or site["lang"]]
        template = self.templates[page.get("template") or site["template"]]
        paragraph, template = template.split("\n", 1)
        paragraph = paragraph.removeprefix("<!-- paragraph: ").removesuffix(" -->")
        body, replies = posts(page.body, paragraph)
        declared = page.get("meta", page.charset) if page.get("declare", "both") in ("meta", "both") else ""
        values: dict[str, Any] = {
            **page.fields,
            "html_lang": HTML_LANGUAGE.get(page.get("lang"), page.get("lang")),
            "site": site["name"],
            "slogan": site.get("slogan", ""),
            "footer": site.get("footer", ""),
            "meta_charset": declared,
            "section": page.get("section") or site["nav"][1 + digest(page.url)[1] % (len(site["nav"]) - 1)],
            "nav": [{"text": text, "href": f"/{digest(text).hex()[:6]}/"} for text in site["nav"]],
            "tags": [{"text": text} for text in page.get("tags").split(", ") if text],
            "body": body,
            "posts": replies,
            "count": str(len(replies)),
            "number": str(int.from_bytes(digest(page.url)[2:4], "big")),
            "summary": page.get("summary") or re.sub(r"\s+", " ", page.body.strip())[:80],
            **self.neighbours(page, words["headlines"]),
        }
        return fill(template, values, {key: value for key, value in words.items() if key != "headlines"})

    def neighbours(self, page: Page, headlines: list[str]) -> dict[str, Any]:
        """Related and popular links: titles of the site's other pages, then the language's stock of headlines."""
        own = [other for other in self.pages if other.host == page.host and other.get("title") and other.get("kind") != "spam"]
        place = [other.url for other in own].index(page.url) if page in own else 0
        others = [{"text": other.get("title"), "href": urlsplit(other.url).path} for other in own]
        start = digest(page.url)[4] % len(headlines)
        stock = [{"text": text, "href": f"/t/{digest(text).hex()[:8]}.html"} for text in headlines[start:] + headlines[:start]]
        links = [link for link in others if link["text"] != page.get("title")]
        return {
            "related": (links + stock)[:5],
            "popular": stock[:8],
            "earlier": others[place - 1 : place] if place else [],
            "later": others[place + 1 : place + 2],
        }


# -------------------------------------------------------------------------------------------------------------- records


def payload(web: Web, page: Page) -> bytes:
    """The bytes that the server sent, with the damage that the page asks for."""
    data = web.html(page).encode(page.charset, "xmlcharrefreplace")
    if page.get("bad_byte"):  # the first byte of a character in the middle becomes one that no charset here allows
        middle = next(i for i in range(len(data) // 2, len(data)) if data[i] >= 0xC0)
        data = data[:middle] + b"\xff" + data[middle + 1 :]
    if page.get("cut"):  # after the first byte of a multi-byte character
        place = next(i for i in range(len(data) * int(page.get("cut")) // 100, len(data)) if data[i] >= 0xC0)
        data = data[: place + 1]
    return data


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def record_id(kind: str, name: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {name}')}>"


def member(block: bytes, *headers: tuple[str, str]) -> bytes:
    lines = ["WARC/1.0", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(block)}"]
    return gzip.compress("\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n", 9, mtime=0)


def damaged(data: bytes) -> bytes:
    """The same gzip member after bits rotted in the middle of it; its header still reads well."""
    half = len(data) // 2
    return data[:half] + bytes(byte ^ 0x5A for byte in data[half : half + 24]) + data[half + 24 :]


def http_response(page: Page, body: bytes) -> bytes:
    status = page.get("status", "200 OK")
    kind = page.get("type", "text/html")
    said = page.get("header", page.charset)
    content_type = f"{kind}; charset={said}" if page.get("declare", "both") in ("header", "both") else kind
    headers = [("Server", ("nginx", "Apache", "nginx/1.18.0", "openresty")[digest(page.url)[5] % 4])]
    headers += [("Date", page_time(page).strftime("%a, %d %b %Y %H:%M:%S GMT")), ("Content-Type", content_type)]
    if page.get("location"):
        headers.append(("Location", page.get("location")))
    if page.get("transfer") == "chunked":  # as wget stores it: gzip inside chunks, both left for the reader to undo
        packed = gzip.compress(body, 9, mtime=0)
        pieces = [packed[i : i + 2048] for i in range(0, len(packed), 2048)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        headers += [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")]
    else:
        headers += [("X-Crawler-Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"), ("Content-Length", str(len(body)))]
    return "\r\n".join([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]).encode() + body


def page_time(page: Page) -> datetime:
    return CRAWL_START + timedelta(seconds=int.from_bytes(digest(page.url)[:2], "big") % 9000)


def page_members(web: Web, page: Page, info: str) -> Iterator[bytes]:
    """Request, response and metadata of one page."""
    body = payload(web, page)
    path = urlsplit(page.url).path or "/"
    address = f"192.0.2.{1 + digest(page.host)[0] % 250}"
    common = [("WARC-Date", page_time(page).strftime("%Y-%m-%dT%H:%M:%SZ")), ("WARC-Target-URI", page.url)]
    common += [("WARC-Warcinfo-ID", info), ("WARC-IP-Address", address)]
    request, response = record_id("request", page.url), record_id("response", page.url)
    asked = f"GET {path} HTTP/1.1\r\nUser-Agent: ExampleBot/1.0\r\nAccept: text/html\r\nHost: {page.host}\r\n\r\n".encode()
    yield member(
        asked,
        ("WARC-Type", "request"),
        ("WARC-Record-ID", request),
        *common,
        ("Content-Type", "application/http; msgtype=request"),
    )
    answer = http_response(page, body)
    found = member(
        answer,
        ("WARC-Type", "response"),
        ("WARC-Record-ID", response),
        *common,
        ("WARC-Concurrent-To", request),
        ("WARC-Payload-Digest", sha1(answer.split(b"\r\n\r\n", 1)[1])),
        ("WARC-Block-Digest", sha1(answer)),
        *([("WARC-Truncated", "length")] if page.get("cut") else []),
        ("WARC-Identified-Payload-Type", page.get("type", "text/html")),
        ("Content-Type", "application/http; msgtype=response"),
    )
    yield damaged(found) if page.get("kind") == "corrupt" else found
    yield member(
        f"fetchTimeMs: {40 + digest(page.url)[6]}\r\ncharset-detected: {page.charset.upper()}\r\n\r\n".encode(),
        ("WARC-Type", "metadata"),
        ("WARC-Record-ID", record_id("metadata", page.url)),
        *common,
        ("WARC-Concurrent-To", response),
        ("Content-Type", "application/warc-fields"),
    )


def info_member(name: str, info: str) -> bytes:
    fields = {
        "isPartOf": "QUICKSTART-2024-22",
        "description": "Pages written for the quickstart of curator; every site in them is invented",
        "software": "pipelines/quickstart/pack.py",
        "robots": "none: nothing was crawled",
        "format": "WARC File Format 1.0",
        "conformsTo": "http://bibnum.bnf.fr/WARC/WARC_ISO_28500_version1_latestdraft.pdf",
    }
    return member(
        "".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode(),
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", info),
        ("WARC-Date", CRAWL_START.strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("WARC-Filename", name),
        ("Content-Type", "application/warc-fields"),
    )


# ---------------------------------------------------------------------------------------------------------------- files


def index_row(page: Page) -> dict[str, str]:
    declared = page.get("declare", "both")
    says = {page.get("header", page.charset), page.get("meta", page.charset)} - {page.charset}
    return {
        "url": page.url,
        "language": page.get("lang", "none"),
        "kind": page.get("kind", "good"),
        "of": page.get("of"),
        "charset": page.charset,
        "declared": declared + (f" ({', '.join(sorted(says))})" if says and declared != "none" else ""),
        "status": page.get("status", "200 OK").split(" ")[0],
        "file": f"web-{page.file:05d}.warc.gz",
        "page": page.path,
        "pii": page.get("pii"),
        "keep": page.get("keep"),
    }


def build(folder: Path = HERE) -> dict[str, bytes]:
    """Name -> bytes of the three WARC files and INDEX.tsv."""
    web = Web(folder)
    files: dict[str, bytes] = {}
    for number in range(FILES):
        name = f"web-{number:05d}.warc.gz"
        info = record_id("warcinfo", name)
        chosen = sorted((page for page in web.pages if page.file == number), key=lambda page: digest(page.url))
        members = [part for page in chosen for part in page_members(web, page, info)]
        files[name] = b"".join([info_member(name, info), *members])
    rows = [index_row(page) for page in web.pages]
    files["INDEX.tsv"] = "\n".join(["\t".join(rows[0]), *("\t".join(row.values()) for row in rows), ""]).encode()
    return files


def inflated(data: bytes) -> list[bytes]:
    """Every gzip member's content, a member that cannot be inflated as its raw bytes. Two zlibs may compress alike content to
    unlike bytes, so `--check` compares what is inside."""
    members = []
    while data:
        reader = zlib.decompressobj(wbits=31)
        try:
            members.append(reader.decompress(data) + reader.flush())
            data = reader.unused_data
        except zlib.error:
            end = data.find(b"\x1f\x8b\x08", 1)
            members.append(b"damaged")
            data = data[end:] if end > 0 else b""
    return members


def same(built: bytes, stored: bytes, name: str) -> bool:
    return inflated(built) == inflated(stored) if name.endswith(".gz") else built == stored


def main(arguments: list[str]) -> int:
    files = build()
    if "--check" in arguments:
        wrong = [name for name, data in files.items() if not same(data, (HERE / name).read_bytes(), name)]
        print(f"differ from their sources: {', '.join(wrong)}" if wrong else "equal to their sources")
        return 1 if wrong else 0
    for name, data in files.items():
        (HERE / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
