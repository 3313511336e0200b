"""`curator download` as a process: killed, stopped, and gone on with."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from curator.cli import app
from curator.download import Session, Shown, Wanted, fetch_all

CRAWL = "CC-MAIN-2024-10"


def started(site: Any, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "curator.cli", "download", "commoncrawl", "--crawl", CRAWL, "--to", str(folder)]
    command += ["--files", "2", "--base-url", site.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_it_flows(folder: Path, sizes: dict[str, int]) -> None:
    deadline = time.monotonic() + 60
    while any(parts(folder).get(name, 0) <= size for name, size in sizes.items()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)


def parts(folder: Path) -> dict[str, int]:
    return {path.name.removesuffix(".part"): path.stat().st_size for path in folder.glob("*.part")}


def test_killed_then_stopped_then_done(site: Any, crawl: list[str], answer: Any, tmp_path: Path) -> None:
    chosen = {path.rpartition("/")[2]: path for path in (crawl[0], crawl[4])}
    for path in chosen.values():
        site.next[path] = [answer(slow=0.3), answer(slow=0.3)]  # 300 kB in three seconds
    process = started(site, tmp_path)
    until_it_flows(tmp_path, dict.fromkeys(chosen, 50_000))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    killed = parts(tmp_path)

    process = started(site, tmp_path)
    until_it_flows(tmp_path, killed)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "curator: stopped; run the same command again to go on\n")
    stopped = parts(tmp_path)
    assert list(tmp_path.glob("*.warc.gz")) == []

    process = started(site, tmp_path)
    output, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert "2 files, 0.6 MB of CC-MAIN-2024-10 in" in output
    for name, path in chosen.items():
        assert (tmp_path / name).read_bytes() == site.files[path]
        assert [asked.get("Range") for asked in site.of(path)] == [None, f"bytes={killed[name]}-", f"bytes={stopped[name]}-"]
    assert {path.name for path in tmp_path.iterdir()} == {"downloads.json", *chosen}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["commoncrawl", "--crawl", "latest", "--files", "1"], "--crawl latest: crawls are called CC-MAIN-YYYY-WW"),
        (
            ["commoncrawl", "--crawl", CRAWL, "--files", "1", "--to", "s3://b/cc"],
            "--to s3://b/cc: a download is continued in a local",
        ),
        (["commoncrawl", "--crawl", CRAWL, "--files", "1"], "/crawl-data/CC-MAIN-2024-10/warc.paths.gz: there is no such list"),
        (["wikipedia", "--lang", "中文"], "--lang 中文: write the code"),
        (["wikipedia", "--lang", "zh"], "/zhwiki/: there is no such wiki"),
    ],
)
def test_complaints_are_one_sentence(site: Any, monkeypatch: pytest.MonkeyPatch, options: list[str], complaint: str) -> None:
    monkeypatch.setenv("CURATOR_COMMONCRAWL_URL", site.url)
    monkeypatch.setenv("CURATOR_WIKIPEDIA_URL", site.url)
    ended = CliRunner().invoke(app, ["download", *options])
    assert ended.exit_code == 1
    assert ended.stderr.startswith("curator: ")
    assert complaint in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_told(site: Any, crawl: list[str], answer: Any, tmp_path: Path, terminal: bool) -> None:
    path = crawl[0]
    site.next[path] = [answer(cut=100_000)]
    console = Console(record=True, force_terminal=terminal, width=160, file=(tmp_path / "screen").open("w"))
    shown = Shown(console)
    name = path.rpartition("/")[2]
    fetch_all([Wanted(name, site.url + path)], tmp_path / "to", Session(first=0.001, note=shown.note), shown)
    fetch_all([Wanted(name, site.url + path)], tmp_path / "to", Session(note=shown.note), shown)
    console.file.close()
    text = console.export_text()
    assert f"{name}: the connection ended after 100000 of" in text
    assert "trying again in 0 s (2 of 8)" in text
    assert f"[1/1] {name}, 0.3 MB in " in text
    assert f"[1/1] {name} is there already" in text
    if terminal:
        assert "0/1 files" in (tmp_path / "screen").read_text()
