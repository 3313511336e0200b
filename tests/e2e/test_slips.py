"""A slip in a recipe stops before any work, with file, line and the nearest name; damaged input stops nothing and is named."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from curator.cli import app

RECIPE = """\
name: slips
sources:
  web:  {{read: warc, from: {raw}/web}}
  text: {{read: jsonl, from: {raw}/text}}
stages:
  - extract: {{}}
    only: [web]
  - normalize: {{form: NFC}}
  - filter: {{preset: {raw}/mine.yaml}}
    only: [text]
  - dedup_documents: {{shingle: 3, prefer: [text, "*"]}}
tokenize: {{tokenizer: {raw}/bpe.yaml, sequence_length: 32}}
mixture: {{weights: {{web: 0.5, text: 0.5}}}}
train: {raw}/train.yaml
output: {output}
"""
MINE = "document:\n  chars: {min: 3}\n  han_ratio: {min: 0.0}\n"
TRAIN = "model:\n  layers: 1\n  width: 32\n  heads: 2\noptimizer: {warmup: 1}\nsteps: 2\nbatch_tokens: 64\n"
TOKENIZER = "algorithm: bpe\nsize: 300\n"


class Slips:
    """A sound recipe, to be spoiled in one place."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.output = folder / "raw", folder / "out"
        self.recipe = folder / "slips.yaml"
        for name, content in (("mine", MINE), ("train", TRAIN), ("bpe", TOKENIZER)):
            self.raw.mkdir(exist_ok=True)
            (self.raw / f"{name}.yaml").write_text(content)
        (self.raw / "web").mkdir()
        (self.raw / "web" / "empty.warc").write_bytes(b"")
        (self.raw / "text").mkdir()
        (self.raw / "text" / "one.jsonl").write_text('{"text": "春江潮水连海平"}\n')
        self.recipe.write_text(RECIPE.format(raw=self.raw, output=self.output))

    def spoil(self, name: str, old: str, new: str) -> int:
        """Replace a word in one of the files; the number of its line."""
        path = self.recipe if name == "slips.yaml" else self.raw / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new))
        return text[: text.index(old)].count("\n") + 1

    def run(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["run", str(self.recipe), "--on", "inline", *arguments], catch_exceptions=False)
        return done.exit_code, done.output


@pytest.fixture
def slips(tmp_path: Path) -> Slips:
    return Slips(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("slips.yaml", "normalize:", "normalise:", "no stage 'normalise'. Did you mean 'normalize'?"),
        ("slips.yaml", "form: NFC", "from: NFC", "no option 'from'. Did you mean 'form'?"),
        ("slips.yaml", "form: NFC", "form: NFX", "form: 'NFX' is not one of"),
        ("slips.yaml", "shingle: 3", "shingle: three", "shingle: must be a whole number"),
        ("slips.yaml", "shingle: 3", "shingle: 0", "shingle: 0"),
        ("slips.yaml", "only: [text]", "only: [texts]", "only: no source 'texts'. Did you mean 'text'?"),
        ("slips.yaml", "prefer: [text,", "prefer: [texts,", "prefer: no source 'texts'. Did you mean 'text'?"),
        ("slips.yaml", "read: warc", "read: wrac", "no source 'wrac'. Did you mean 'warc'?"),
        ("slips.yaml", "read: jsonl,", "read: jsonl, txet: body,", "no option 'txet'. Did you mean 'text'?"),
        ("slips.yaml", "/text}}".replace("}}", "}"), "/texts}", "text: nothing matches "),
        ("slips.yaml", "weights: {web: 0.5", "weights: {wbe: 0.5", "no source 'wbe'"),
        ("slips.yaml", "web: 0.5", "web: -0.5", "must be above 0"),
        ("slips.yaml", "mixture:", "mixtrue:", "no option 'mixtrue'. Did you mean 'mixture'?"),
        ("slips.yaml", "name: slips", "name: slips\nname: twice", "'name' stands twice"),
        ("slips.yaml", "bpe.yaml", "bep.yaml", "bep.yaml"),
        ("slips.yaml", "sequence_length: 32", "sequence_lenght: 32", "Did you mean 'sequence_length'?"),
        ("slips.yaml", "train.yaml", "trian.yaml", "trian.yaml"),
        ("slips.yaml", "/mine.yaml", "/mien.yaml", "mien.yaml"),
        ("slips.yaml", "- normalize: {form: NFC}", "- language: {model: no/such/model.ftz}", "no/such/model.ftz"),
        ("slips.yaml", "- normalize: {form: NFC}", "- language: {modle: lid.176}", "no option 'modle'. Did you mean 'model'?"),
        ("slips.yaml", "- extract: {}", "- extract: {engin: curator}", "no option 'engin'"),
        ("slips.yaml", "- extract: {}\n    only: [web]\n", "- extract\n", "'payload', which documents of 'text' do not"),
        ("mine.yaml", "han_ratio", "han_raito", "han_raito: is no metric, no column of a document, and no"),
        ("mine.yaml", "min: 0.0", "mni: 0.0", "'mni'. Did you mean 'min'?"),
        ("mine.yaml", "document:", "documents:", "no part 'documents' in a filter. Did you mean 'document'?"),
        ("mine.yaml", "han_ratio: {min: 0.0}", "chars: {max: 9}", "'chars' stands twice"),
        ("mine.yaml", "min: 3", "min: many", "many"),
        ("bpe.yaml", "size: 300", "szie: 300", "no option 'szie'. Did you mean 'size'?"),
        ("train.yaml", "steps: 2", "stpes: 2", "no option 'stpes'. Did you mean 'steps'?"),
        ("train.yaml", "layers: 1", "layesr: 1", "no option 'layesr'. Did you mean 'layers'?"),
        ("train.yaml", "steps: 2", "steps: -2", "steps"),
    ],
)  # fmt: skip
def test_a_slip_stops_before_any_work(slips: Slips, name: str, old: str, new: str, message: str) -> None:
    line = slips.spoil(name, old, new) + (new.count("\n") if old.count("\n") == 0 else 0)
    code, said = slips.run()
    assert code == 2, said
    assert message in said
    assert f"{name}:{line}: " in said, said
    assert not slips.output.exists(), "work was begun"


def test_a_column_that_nobody_writes(slips: Slips) -> None:
    line = slips.spoil("slips.yaml", "    only: [text]\n", "    only: [text]\n    where: {lang: zh}\n")
    code, said = slips.run()
    assert code == 2
    assert f"slips.yaml:{line - 1}: mine reads 'lang', which documents of 'text' do not have here" in said
    assert "Did you mean 'language'?" in said


def test_a_rule_on_a_column_that_nobody_writes(slips: Slips) -> None:
    """The filter may be right for another recipe, so the recipe's line is told."""
    slips.spoil("mine.yaml", "han_ratio: {min", "perplexity.score: {min")
    code, said = slips.run()
    assert code == 2
    assert "slips.yaml:9: mine reads 'perplexity.score', which documents of 'text' do not have here" in said
    assert not slips.output.exists()


def test_what_only_rewrites_a_column_is_not_named_as_its_writer(slips: Slips) -> None:
    slips.spoil("mine.yaml", "han_ratio: {min: 0.0}", "url: {in: [a]}")
    slips.spoil("slips.yaml", "read: jsonl", "read: instructions")
    slips.spoil("slips.yaml", "  - dedup_documents", "  - redact: {}\n  - dedup_documents")
    code, said = slips.run()
    assert code == 2
    assert "mine reads 'url', which documents of 'text' do not have here" in said
    assert "redact" not in said


def test_a_tokenizer_that_samples_an_unknown_source(slips: Slips) -> None:
    slips.spoil("bpe.yaml", "size: 300", "size: 300\nweights: {wbe: 1}")
    code, said = slips.run()
    assert code == 2
    assert re.search(r"slips.yaml:12: tokenizer: \S+bpe.yaml: weights: no source wbe", said)
    assert not slips.output.exists()


def test_yaml_that_does_not_end(slips: Slips) -> None:
    line = slips.spoil("slips.yaml", "- normalize: {form: NFC}", "- normalize: {form: NFC")
    code, said = slips.run()
    assert code == 2
    assert f"slips.yaml:{line + 1}: expected ',' or '}}'" in said, "where the parser met what cannot stand there"


def test_slips_are_told_together(slips: Slips) -> None:
    slips.spoil("slips.yaml", "normalize:", "normalise:")
    slips.spoil("slips.yaml", "/mine.yaml", "/mien.yaml")
    slips.spoil("slips.yaml", "web: 0.5", "wbe: 0.5")
    code, said = slips.run()
    assert code == 2
    assert re.findall(r"slips.yaml:(\d+): ", said) == ["8", "9", "13"], said


def test_a_folder_of_nothing_is_named(slips: Slips) -> None:
    (slips.raw / "web" / "empty.warc").unlink()
    code, said = slips.run()
    assert code == 2
    assert "slips.yaml:3: web: nothing matches" in said
    assert not slips.output.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "stages.9.filter=x"), "must be a position from 0 to 3"),
        (("--set", "soruces.web.from=x"), "no 'soruces'. Did you mean 'sources'?"),
        (("--set", "sources.web.read=wrac"), "Did you mean 'warc'?"),
        (("--set", "output"), "write --set path.to.key=value"),
    ],
)
def test_a_slip_on_the_command_line(slips: Slips, arguments: tuple[str, ...], message: str) -> None:
    code, said = slips.run(*arguments)
    assert code == 2, said
    assert message in said
    assert not slips.output.exists()


def test_a_recipe_that_is_not_there() -> None:
    done = CliRunner().invoke(app, ["run", "no/such/recipe.yaml", "--on", "inline"])
    assert done.exit_code != 0
    assert "no/such/recipe.yaml" in done.output
    assert isinstance(done.exception, SystemExit), "a plain sentence, not a traceback"


# -------------------------------------------------------------------------------------------------------- damaged input

DAMAGED = """\
name: damaged
sources:
  text: {{read: {kind}, from: {raw}}}
output: {output}
"""


def jsonl(count: int) -> bytes:
    return b"".join(json.dumps({"text": f"line {i} of a file that is well"}).encode() + b"\n" for i in range(count))


def warc(count: int) -> bytes:
    records = []
    for i in range(count):
        http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>page {i} of a file that is well</p>".encode()
        head = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/{i}\r\n"
            f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{i:012d}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
        )
        records.append(gzip.compress(head.encode() + http + b"\r\n\r\n"))
    return b"".join(records)


def jsonl_gz(count: int) -> bytes:
    return gzip.compress(jsonl(count))


@pytest.mark.parametrize(("kind", "make"), [("jsonl", jsonl_gz), ("warc", warc)], ids=["jsonl", "warc"])
def test_an_unreadable_an_empty_and_a_truncated_file(tmp_path: Path, kind: str, make) -> None:
    """All else is processed, and the three are named."""
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a", "z"):
        (raw / f"{name}.gz").write_bytes(make(100))
    whole = make(500)
    (raw / "truncated.gz").write_bytes(whole[: len(whole) * 2 // 3])
    (raw / "empty.gz").write_bytes(b"")
    (raw / "unreadable.gz").symlink_to("unreadable.gz")  # a link to itself: root too is refused
    recipe = tmp_path / "damaged.yaml"
    stages = "stages:\n  - extract\n" if kind == "warc" else ""
    recipe.write_text(DAMAGED.format(kind=kind, raw=raw, output=tmp_path / "out") + stages)
    done = CliRunner().invoke(app, ["run", str(recipe), "--on", "inline"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    summary = orjson.loads((tmp_path / "out" / "summary.json").read_bytes())
    named = {os.path.basename(place["file"]) for place in summary["damage"]}
    assert named == {"truncated.gz", "empty.gz", "unreadable.gz"}
    for name in named:
        assert name in done.output.replace("\n", ""), "the terminal names it as well"
    rows = pl.concat([pl.read_parquet(path) for path in (tmp_path / "out" / "documents").glob("*.parquet")])
    counts = dict(rows.group_by(pl.col("origin").struct.field("file")).len().iter_rows())
    assert counts["a.gz"] == counts["z.gz"] == 100
    assert counts["truncated.gz"] > 200, "what came before the damage is kept"
    assert set(counts) == {"a.gz", "z.gz", "truncated.gz"}


def test_a_file_that_is_gone_after_it_was_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a share that breaks away: the others are processed, and the file is named."""
    from curator.pipeline import run as runs

    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a", "b"):
        (raw / f"{name}.jsonl").write_bytes(jsonl(10))
    recipe = tmp_path / "damaged.yaml"
    recipe.write_text(DAMAGED.format(kind="jsonl", raw=raw, output=tmp_path / "out"))
    found = runs.find_inputs

    def then_gone(loaded):
        splits = found(loaded)
        (raw / "b.jsonl").unlink()
        return splits

    monkeypatch.setattr(runs, "find_inputs", then_gone)
    done = CliRunner().invoke(app, ["run", str(recipe), "--on", "inline"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    summary = orjson.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert [os.path.basename(place["file"]) for place in summary["damage"]] == ["b.jsonl"]
    assert summary["sources"]["text"]["kept"] == 10


@pytest.mark.parametrize("pattern", ["{raw}", "{raw}/*.parquet"], ids=["folder", "glob"])
def test_large_files_that_cannot_be_cut(tmp_path: Path, pattern: str) -> None:
    """Where to cut a Parquet file stands at its end: one that has lost it must not stop the run either."""
    raw = tmp_path / "raw"
    raw.mkdir()
    texts = [f"{i} " + os.urandom(200).hex() for i in range(4000)]
    pl.DataFrame({"text": texts}).write_parquet(raw / "good.parquet", row_group_size=500, compression="uncompressed")
    whole = (raw / "good.parquet").read_bytes()
    (raw / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (raw / "link.parquet").symlink_to("nowhere.parquet")
    recipe = tmp_path / "damaged.yaml"
    text = DAMAGED.format(kind="parquet", raw=pattern.format(raw=raw), output=tmp_path / "out")
    recipe.write_text(text + "split_bytes: 1 MiB\n")
    done = CliRunner().invoke(app, ["run", str(recipe), "--on", "inline", "--verify"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    summary = orjson.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert {os.path.basename(place["file"]) for place in summary["damage"]} == {"cut.parquet", "link.parquet"}
    assert summary["sources"]["text"]["kept"] == 4000


def test_a_folder_that_cannot_be_listed_stops_before_any_work(slips: Slips, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all that lies in it would be missing without a word."""
    closed = slips.raw / "web" / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refusing(path=".", *rest):
        if os.fspath(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(closed))
        return scandir(path, *rest)

    monkeypatch.setattr(os, "scandir", refusing)
    code, said = slips.run()
    assert code == 2, said
    assert "slips.yaml:3: web: " in said
    assert f"{closed}: Permission denied" in said
