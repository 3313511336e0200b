"""A small corpus of every kind of raw dump, a recipe with every kind of stage, and the command line as users call it."""

from __future__ import annotations

import bz2
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray  # noqa: F401 - brings its own psutil, which must be imported after it

import psutil  # isort: skip

ROOT = Path(__file__).parents[2]

RECIPE = """\
name: small
sources:
  web:   {{read: warc, from: {raw}/web/*.warc.gz}}
  wiki:  {{read: wikipedia, from: {raw}/wiki/*.xml.bz2}}
  books: {{read: books, from: {raw}/books}}
  code:  {{read: code, from: "package:fsspec/implementations", exclude: ["**/__pycache__/**"]}}
  lines: {{read: jsonl, from: {raw}/lines/*.jsonl}}
stages:
  - language: {{on: visible, as: early}}
    only: [web]
  - filter: early_zh_en
    only: [web]
  - extract: {{}}
    only: [web]
  - language
  - filter: zh_en_language
    only: [web, wiki, books, lines]
  - normalize: {{form: NFC}}
  - filter: zh_web
    only: [web, lines]
    where: {{language: [zh, yue, lzh]}}
  - filter: code
    only: [code]
  - dedup_documents: {{shingle: 5, bands: 14, rows: 8, prefer: [wiki, books, "*"]}}
  - redact
tokenize: {{tokenizer: {raw}/small_bpe.yaml, sequence_length: 128, shard_tokens: 200k}}
mixture: {{weights: {{web: 0.2, wiki: 0.3, books: 0.2, code: 0.1, lines: 0.2}}, max_epochs: 2, validation: 0.02}}
max_errors: 0.02
split_bytes: 1 MiB
output: {output}
"""

TOKENIZER = "algorithm: bpe\nsize: 2000\nsample_bytes: 500 kB\n"


@pytest.fixture(scope="session")
def data() -> Path:
    """The real data sets."""
    folder = Path(os.environ.get("CURATOR_DATA", ROOT.parent / "shared" / "data"))
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the test data"
    return folder.resolve()


@dataclass(frozen=True)
class Small:
    """A recipe file over raw dumps of every kind."""

    folder: Path
    recipe: Path

    def out(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def small(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A web crawl, a wiki, a novel, a package and lines of JSON: a few megabytes in some twenty splits."""
    folder = tmp_path_factory.mktemp("small")
    raw = folder / "raw"
    for name in ("web", "wiki", "books", "lines"):
        (raw / name).mkdir(parents=True)
    for path in sorted((ROOT / "pipelines" / "quickstart").glob("*.warc.gz")):
        shutil.copy(path, raw / "web")
    write_multistream(data / "wiki" / "zhwiki-3pages.xml.bz2", raw / "wiki" / "zhwiki-20240101-pages-articles.xml.bz2")
    enwiki = next((data / "wiki").glob("enwiki-latest-pages-articles1*.bz2"))
    write_multistream(enwiki, raw / "wiki" / "enwiki-20240101-pages-articles.xml.bz2", pages=120)
    write_book(data / "books" / "zh_西游记_html_chapters.zip", raw / "books" / "journey.zip", chapters=25)
    shutil.copy(data / "books" / "alice_en.txt", raw / "books" / "alice.txt")
    shutil.copy(data / "text" / "hplt_raw_zh_web.jsonl", raw / "lines" / "crawl.jsonl")
    (raw / "small_bpe.yaml").write_text(TOKENIZER)
    recipe = folder / "small.yaml"
    recipe.write_text(RECIPE.format(raw=raw, output=folder / "out"))
    return Small(folder, recipe)


def write_multistream(dump: Path, target: Path, pages: int = 1000) -> None:
    """A dump as Wikimedia publishes it: head, streams of ten pages, and the end, each a bz2 stream of its own."""
    text = bz2.decompress(dump.read_bytes()).decode()
    head, found = text[: text.index("<page>")], re.findall(r"<page>.*?</page>\n?", text, re.DOTALL)[:pages]
    parts = [head, *("".join(found[at : at + 10]) for at in range(0, len(found), 10)), "</mediawiki>\n"]
    target.write_bytes(b"".join(bz2.compress(part.encode()) for part in parts))


def write_book(book: Path, target: Path, chapters: int) -> None:
    """The first chapters of a book in a zip."""
    with zipfile.ZipFile(book) as whole, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as part:
        for name in whole.namelist()[: chapters + 1]:
            part.writestr(name, whole.read(name))


# -------------------------------------------------------------------------------------------------------------- command


class Cli:
    """The command line in processes of its own, which all carry a mark so that none of them is ever missed."""

    MARK = "CURATOR_TEST_RUN"

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self.ray_folder = Path(tempfile.mkdtemp(prefix="cur-"))  # a socket's path has 107 bytes: pytest's are too long
        found = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = found | {"PYTHONPATH": path, "RAY_TMPDIR": str(self.ray_folder), self.MARK: self.mark}

    def start(self, *arguments: object, log: Path | None = None, **options: Any) -> subprocess.Popen[bytes]:
        """Begin a command in a session of its own; what it prints goes to `log`."""
        with open(log or os.devnull, "wb") as stream:
            given: dict[str, Any] = {"env": self.environment, "cwd": ROOT, "stdout": stream, "stderr": stream} | options
            return subprocess.Popen[bytes](curator_command(*arguments), start_new_session=True, **given)

    def __call__(self, *arguments: object, exits: int = 0, timeout: float = 240) -> str:
        """What a command prints, stdout before stderr; it must exit with `exits`."""
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        said = out.decode() + err.decode()
        assert process.returncode == exits, f"{arguments}: exit {process.returncode}\n{said[-4000:]}"
        return said

    def digest(self, output: Path) -> str:
        return self("digest", output).split()[0]

    def processes(self) -> list[psutil.Process]:
        """Every living process that was started here, or by one that was."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(self.MARK) == self.mark:
                    found.append(process)
        return found

    def kill(self) -> None:
        """SIGKILL to the driver, to Ray and to all workers, stopped first so that none can start another meanwhile."""
        stopped: set[psutil.Process] = set()
        while new := set(self.processes()) - stopped:
            for process in new:
                with contextlib.suppress(psutil.Error):
                    process.suspend()
            stopped |= new
        for process in stopped:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(stopped, timeout=10)
        assert not self.processes()


def curator_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "curator.cli", *map(str, arguments)]


def _cli() -> Iterator[Cli]:
    made = Cli()
    yield made
    made.kill()
    shutil.rmtree(made.ray_folder, ignore_errors=True)


cli = pytest.fixture(_cli, name="cli")
cli_for_module = pytest.fixture(_cli, name="cli_for_module", scope="module")
