"""Documents to a model's folder, and what is refused when it is opened again."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from curator.cli import app
from curator.lm.artefact import MANIFEST, MODEL, Manifest, open_model, read_manifest
from curator.lm.errors import LanguageModelError
from curator.lm.train import Training, amount, thresholds, train

ENGLISH = ["The cat sat on the mat.", "A dog met the cat.", "It is the end of the day."] * 3
CHINESE = ["我们在北京大学学习。", "北京是中国的首都。"] * 3


def documents(*sources: tuple[str, str | None, list[str | None]]) -> list[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in ("source", "language", "text")])
    return [
        pa.RecordBatch.from_pydict(
            {"source": [source] * len(texts), "language": [language] * len(texts), "text": texts}, schema=schema
        )
        for source, language, texts in sources
    ]


def made(folder: Path, *sources: tuple[str, str | None, Any], **options: Any) -> Manifest:
    given = documents(*(sources or (("wiki", "en", ENGLISH),)))
    return train(given, str(folder), Training(**{"tokens": "words", "order": 3, "estimator": "curator", **options}))


def test_the_manifest_says_what_the_model_is(tmp_path: Path):
    manifest = made(tmp_path / "m", ("wiki", "en", [*ENGLISH, None, ""]), ("books", "en", ["Another book."]))
    assert manifest == read_manifest(str(tmp_path / "m"))
    assert manifest.tokens == "words"
    assert manifest.documents == len(ENGLISH) + 1
    assert {name: entry["documents"] for name, entry in manifest.sources.items()} == {"books": 1, "wiki": len(ENGLISH)}
    assert manifest.ngrams[0] == manifest.words
    assert manifest.files[MODEL]["size"] == (tmp_path / "m" / MODEL).stat().st_size
    assert len(manifest.discounts or ()) == 3


def test_equal_documents_make_equal_bytes_however_they_are_batched(tmp_path: Path):
    first = made(tmp_path / "a", ("wiki", "en", ENGLISH), ("zh", "zh", CHINESE))
    second = made(tmp_path / "b", *(("wiki", "en", [text]) for text in ENGLISH), ("zh", "zh", CHINESE))
    assert first == second
    for name in (MODEL, MANIFEST):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_only_documents_of_the_languages_that_are_named(tmp_path: Path):
    mixed = (("wiki", "en", ENGLISH), ("wiki", "zh", CHINESE), ("wiki", None, ["None of them."]))
    assert made(tmp_path / "a", *mixed, languages=("zh",)).files == made(tmp_path / "b", ("wiki", "zh", CHINESE)).files


@pytest.mark.parametrize(
    ("labelled", "said"),
    [("zh", "no document is in 'zhh'. Did you mean 'zh'"), (None, "is in 'zhh': none says which language it is in")],
)
def test_a_language_that_no_document_has_is_an_error_though_others_were_found(tmp_path: Path, labelled: str | None, said: str):
    with pytest.raises(LanguageModelError, match=said):
        made(tmp_path / "m", ("wiki", labelled, CHINESE), languages=("zhh", *([labelled] if labelled else [])))
    assert not (tmp_path / "m").exists()


def test_an_unusual_code_of_a_language_is_told_before_anything_is_read(tmp_path: Path):
    (tmp_path / "x.txt").write_text("text\n")
    ended = CliRunner().invoke(app, ["lm", "train", str(tmp_path / "x.txt"), "--to", str(tmp_path / "m"), "--language", "cmn"])
    assert "curator: --language cmn: no usual code of a language. It is 'zh' here" in ended.output


@pytest.mark.parametrize("texts", [[], ["", None], ["\u200b \n"]])
def test_nothing_to_train_on_is_an_error(texts: list[str | None], tmp_path: Path):
    with pytest.raises(LanguageModelError, match="no text"):
        made(tmp_path / "m", ("wiki", "en", texts))
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"order": 1}, "order: 1"),
        ({"order": 7}, "order: 7"),
        ({"prune": (2, 1)}, "must not fall"),
        ({"prune": (0, 0, 1)}, "fewer"),
        ({"memory": 1000}, "64 MiB"),
        ({"tokens": "sentencepiece"}, "give its model"),
        ({"sentencepiece": "x.model"}, "give its model"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], said: str):
    with pytest.raises(LanguageModelError, match=said):
        Training(**{"tokens": "words", "order": 3, **options})


def test_numbers_of_the_command_line():
    assert thresholds("0,1,2") == (0, 1, 2)
    assert thresholds("0") == thresholds("") == ()
    assert amount("1GiB") == 1 << 30
    with pytest.raises(LanguageModelError, match="whole numbers"):
        thresholds("a,b")
    with pytest.raises(LanguageModelError, match="bytes"):
        amount("much")


# -------------------------------------------------------------------------------------------------------------- broken


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / MANIFEST).unlink(), r"manifest\.json"),
        (lambda f: (f / MANIFEST).write_text("{"), "not JSON"),
        (lambda f: (f / MANIFEST).write_text("[]"), "not the manifest"),
        (lambda f: edit(f / MANIFEST, format="other"), "not the manifest"),
        (lambda f: edit(f / MANIFEST, version=99), "train the model again"),
        (lambda f: edit(f / MANIFEST, rules=99), "train the model again"),
        (lambda f: edit(f / MANIFEST, tokens="syllables"), "hold together"),
        (lambda f: edit(f / MANIFEST, tokens="sentencepiece"), "hold together"),
        (lambda f: edit(f / MANIFEST, files={}), "hold together"),
        (lambda f: edit(f / MANIFEST, files={"../../etc/passwd": {"size": 1, "sha256": "0"}}), "hold together"),
        (lambda f: edit(f / MANIFEST, files={MODEL: {"size": "many"}}), "hold together"),
        (lambda f: edit(f / MANIFEST, surprise=1), "hold together"),
        (lambda f: (f / MODEL).unlink(), r"model\.bin"),
        (lambda f: (f / MODEL).write_bytes((f / MODEL).read_bytes()[:-5]), "truncated or changed"),
        (lambda f: flip(f / MODEL), "sha256"),
    ],
)
def test_a_broken_model_is_an_error_with_a_name(damage: Any, said: str, tmp_path: Path):
    made(tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(LanguageModelError, match=said):
        open_model(str(tmp_path / "m"))


def test_a_damaged_sentencepiece_model_is_an_error_with_a_name(pieces: Path, tmp_path: Path):
    bad = tmp_path / "bad.model"
    bad.write_bytes(pieces.read_bytes()[:1000])
    with pytest.raises(LanguageModelError, match=r"bad\.model"):
        made(tmp_path / "m", tokens="sentencepiece", sentencepiece=str(bad))


# -------------------------------------------------------------------------------------------------------- KenLM's tools


def fake_tools(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> None:
    """Programs of the names of KenLM's: they note how they were called; `build_binary` gives `model`."""
    for name in ("lmplz", "build_binary"):
        path = folder / name
        path.write_text(
            f"#!{sys.executable}\nimport shutil, sys\nargs = sys.argv[1:]\n"
            f"open({str(folder / (name + '.args'))!r}, 'w').write('\\n'.join(args))\n"
            f"if {name!r} == 'lmplz':\n"
            f"    shutil.copy(args[args.index('--text') + 1], {str(folder / 'corpus')!r})\n"
            "    open(args[args.index('--arpa') + 1], 'w').write('arpa')\n"
            f"else:\n    shutil.copy({str(model)!r}, args[-1])\n"
            f"if {code}:\n    sys.exit('it broke')\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


def test_lmplz_is_used_where_it_is_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ours = made(tmp_path / "ours", prune=(0, 1))
    fake_tools(tmp_path, tmp_path / "ours" / MODEL, monkeypatch)
    theirs = made(tmp_path / "theirs", ("wiki", "en", ["", *ENGLISH]), prune=(0, 1), estimator="auto", arpa=True)
    assert theirs.estimator == "lmplz"
    assert theirs.files[MODEL] == ours.files[MODEL]
    assert (tmp_path / "theirs" / "model.arpa").read_text() == "arpa"
    lines = (tmp_path / "corpus").read_text().splitlines()
    assert lines == [text.lower().replace(".", " .") for text in ENGLISH]
    called = " ".join((tmp_path / "lmplz.args").read_text().split("\n"))
    assert "-o 3 " in called
    assert called.endswith("--skip_symbols --discount_fallback 0.5 1.0 1.5 --prune 0 0 1")
    assert (tmp_path / "build_binary.args").read_text().startswith("probing\n")
    assert made(tmp_path / "again", estimator="curator").estimator == "curator"


def test_a_failure_of_lmplz_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fake_tools(tmp_path, tmp_path / "nothing", monkeypatch, code=1)
    with pytest.raises(LanguageModelError, match="lmplz failed: it broke"):
        made(tmp_path / "m", estimator="lmplz")


def test_lmplz_must_be_there_if_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LanguageModelError, match="not both on the PATH"):
        made(tmp_path / "m", estimator="lmplz")


# ------------------------------------------------------------------------------------------------------------- command


def test_the_command_trains_and_shows(tmp_path: Path):
    (tmp_path / "corpus.txt").write_text("\n".join(ENGLISH), encoding="utf-8")
    model = str(tmp_path / "m")
    run = CliRunner().invoke(app, ["lm", "train", str(tmp_path / "*.txt"), "--to", model, "--order", "3", "--prune", "0,1"])
    assert run.exit_code == 0, run.output
    assert f"{len(ENGLISH)} documents" in run.output
    shown = CliRunner().invoke(app, ["lm", "show", model])
    assert shown.exit_code == 0
    manifest = json.loads(shown.output)
    assert manifest["prune"] == [0, 1]
    assert manifest["inputs"]["records"]["documents"] == len(ENGLISH)
    assert manifest["inputs"]["files"][0]["name"] == "corpus.txt"
    flip(Path(model) / MODEL)
    assert CliRunner().invoke(app, ["lm", "show", model]).exit_code == 1
    assert CliRunner().invoke(app, ["lm", "train", "nothing*.txt", "--to", model]).exit_code == 1


def test_a_model_is_replaced_only_where_that_is_asked_for(tmp_path: Path):
    (tmp_path / "corpus.txt").write_text("\n".join(ENGLISH), encoding="utf-8")
    command = ["lm", "train", str(tmp_path / "*.txt"), "--to", str(tmp_path / "m")]
    made = {}

    def run(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*command, *more])
        made[more] = (tmp_path / "m" / MODEL).read_bytes()
        return done.exit_code, done.output

    assert run("--order", "3")[0] == 0
    code, said = run("--order", "2")
    assert (code, "manifest.json is there already: name another --to, or give --replace" in said) == (1, True)
    assert made["--order", "2"] == made["--order", "3"]
    assert run("--order", "2", "--replace")[0] == 0
    assert made["--order", "2", "--replace"] != made["--order", "3"]
    (tmp_path / "m" / "manifest.json").unlink()  # as of one that was killed: it goes on without being asked
    assert run("--order", "3")[0] == 0
