"""arXiv's dumps: every paper a document, a named skip or an error; folders; nothing from outside."""

import gzip
import io
import json
import os
import tarfile
import zipfile
import zlib

import pytest

from curator import storage
from curator.documents import Piece, Tally
from curator.sources import SOURCES
from curator.sources.arxiv import Arxiv, identify

WORDS = "We show that this holds for every case that we have looked at, and for some that we have not. " * 4
PAPER = (
    "\\documentclass{article}\n\\title{On %s}\n\\author{Ana B. \\and Carl D.}\n\\begin{document}\n"
    "\\begin{abstract}Short.\\end{abstract}\n\\section{One}\n%s\n\\end{document}\n"
)


def paper(name, body=WORDS):
    return (PAPER % (name, body)).encode()


def tarred(files):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def packed(files):
    return gzip.compress(tarred(files), mtime=0)


def written(folder, name, data):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def read(path, **options):
    rows, tally = [], Tally()
    source = Arxiv(**options)
    for file in storage.find([str(path)]):
        assert source.ranges(file, 1) == [(0, -1)]
        for batch in source.read(Piece(file), tally):
            rows += batch.to_pylist()
    assert tally.records == len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values())
    return rows, tally


def about(row):
    return json.loads(row["metadata"])


DUMP = {
    "2203/2203.00001.gz": packed({"ms.tex": paper("Tar"), "fig.eps": b"%!PS", "refs.bib": b"@a{}"}),
    "2203/2203.00002.gz": gzip.compress(paper("One file"), mtime=0),
    "2203/2203.00003.pdf": b"%PDF-1.5",
    "2203/2203.00004.gz": gzip.compress(b"%PDF-1.5 ...", mtime=0),
    "2203/2203.00005.gz": gzip.compress(b"%!PS-Adobe-2.0 ...", mtime=0),
    "2203/2203.00006.gz": gzip.compress(b"%auto-ignore\nThis paper has been withdrawn by the author.", mtime=0),
    "2203/2203.00007.gz": gzip.compress(b"<html><body>x</body></html>", mtime=0),
    "2203/2203.00008.gz": packed({"a.pdf": b"%PDF", "b.eps": b"%!PS"}),
    "2203/2203.00009.gz": gzip.compress(paper("Cut"), mtime=0)[:-20],
    "2203/2203.00010.gz": gzip.compress(b"only words, no TeX at all", mtime=0),
    "2203/2203.00011.gz": gzip.compress(paper("Short", "x"), mtime=0),
    "2203/2203.00012.gz": packed(
        {
            "main.tex": b"\\documentclass{article}\\newcommand{\\x}{macro}\\title{Parts}\\begin{document}"
            b"\\input{sec/one}\\include{two}\\input{../../etc/passwd}\\input{/etc/passwd}\\end{document}",
            "sec/one.tex": b"\\section{One} \\x " + WORDS.encode(),
            "two.tex": b"\\section{Two} " + WORDS.encode(),
            "supplement.tex": paper("Supplement"),
            "../evil.tex": paper("Evil"),
        }
    ),
    "../evil.gz": gzip.compress(paper("Evil"), mtime=0),
}


def test_a_dump(tmp_path):
    rows, tally = read(written(tmp_path, "arXiv_src_2203_001.tar", tarred(DUMP)))
    assert SOURCES["arxiv"] is Arxiv
    assert [(row["part"], row["title"], row["url"], row["date"]) for row in rows] == [
        ("2203/2203.00001.gz", "On Tar", "https://arxiv.org/abs/2203.00001", "2022-03"),
        ("2203/2203.00002.gz", "On One file", "https://arxiv.org/abs/2203.00002", "2022-03"),
        ("2203/2203.00012.gz", "Parts", "https://arxiv.org/abs/2203.00012", "2022-03"),
    ]
    assert rows[0]["text"] == f"# On Tar\n\nShort.\n\n## One\n\n{WORDS.strip()}"
    assert about(rows[0]) == {"authors": ["Ana B.", "Carl D."], "abstract": "Short.", "arxiv_id": "2203.00001"}
    assert rows[2]["text"] == f"# Parts\n\n## One\n\nmacro{WORDS.strip()}\n\n## Two\n\n{WORDS.strip()}"
    assert about(rows[2])["main"] == "main.tex"
    assert tally.skipped == {"pdf_only": 3, "postscript_only": 1, "withdrawn": 1, "html_only": 1, "not_tex": 1, "no_text": 1}
    assert tally.errors == {"truncated": 1, "unsafe_name": 1}


def test_a_truncated_dump_keeps_its_whole_papers(tmp_path):
    files = {f"2203/2203.{n:05}.gz": gzip.compress(paper(f"{n}") + os.urandom(3000).hex().encode()) for n in range(20)}
    data = tarred(files)
    rows, tally = read(written(tmp_path, "arXiv_src_2203_001.tar", data[: len(data) // 2]))
    assert 7 <= len(rows) <= 12
    assert [place["kind"] for place in tally.damage if place["file_damage"]] == ["truncated"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("2203.00001v2.tar.gz", packed({"a/ms.tex": paper("X")})),
        ("arXiv-2203.00001v2.tar.gz", packed({"ms.tex": paper("X")})),
        ("2203.00001v2.gz", gzip.compress(paper("X"), mtime=0)),
        ("2203.00001v2", gzip.compress(paper("X"), mtime=0)),
        ("2203.00001v2.tex", paper("X")),
        ("2203.00001v2.tar", tarred({"paper": paper("X")})),
    ],
)
def test_a_single_source(tmp_path, name, data):
    rows, tally = read(written(tmp_path, name, data))
    assert [(row["title"], row["part"], row["offset"], about(row)["version"]) for row in rows] == [("On X", None, 0, "v2")]
    assert (tally.skipped, tally.errors) == ({}, {})


def test_a_damaged_single_source_is_named(tmp_path):
    data = packed({"ms.tex": paper("X") + os.urandom(30_000).hex().encode()})
    rows, tally = read(written(tmp_path, "2203.00001.tar.gz", data[: len(data) // 2]))
    assert (rows, tally.errors) == ([], {"truncated": 1})


def test_a_zip_and_an_archive_without_a_name(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("main.tex", paper("Zip"))
    assert [row["title"] for row in read(written(tmp_path, "source.zip", raw.getvalue()))[0]] == ["On Zip"]
    rows, _ = read(written(tmp_path, "papers.tar", tarred({"2203.00001.gz": gzip.compress(paper("In"))})))
    assert [(row["title"], row["part"]) for row in rows] == [("On In", "2203.00001.gz")]


def test_a_folder_of_sources(tmp_path):
    written(
        tmp_path,
        "p/main.tex",
        b"\\documentclass{article}\\begin{document}\\input{parts/a} \\input{../../secret}\\end{document}",
    )
    written(tmp_path, "p/parts/a.tex", b"\\section{A} " + WORDS.encode())
    written(tmp_path.parent, "secret.tex", b"\\section{secret}")
    written(tmp_path, "p/figure.pdf", b"%PDF-1.4")
    written(tmp_path, "q/old.tex", b"\\magnification=1200 \\beginsection 1. Old\n\n" + WORDS.encode() + b"\n\\bye\n")
    (tmp_path / "p" / "secret.tex").symlink_to(tmp_path.parent / "secret.tex")
    rows, tally = read(tmp_path)
    assert [row["text"][:12] for row in rows] == ["## A\n\nWe sho", "1. Old\n\nWe s"]
    assert not any("secret" in row["text"] for row in rows)
    assert tally.skipped == {"included": 1, "pdf_only": 1}
    beside = Arxiv().beside(storage.find([str(tmp_path)]))
    assert set(beside) == {"p", "p/parts", "q"}
    written(tmp_path, "p/parts/a.tex", b"changed, and longer than it was")
    assert Arxiv().beside(storage.find([str(tmp_path)]))["p"] != beside["p"]


def test_charsets_of_papers(tmp_path):
    old = (
        paper("caf\xe9").decode("utf-8").replace("\\begin{doc", "\\usepackage[latin1]{inputenc}\n\\begin{doc").encode("latin-1")
    )
    assert read(written(tmp_path, "9901001.gz", gzip.compress(old)))[0][0]["title"] == "On café"
    chinese = paper("中文", "我们证明了这一点。" * 60).decode().encode("gb18030")
    assert read(written(tmp_path, "2203.00003.gz", gzip.compress(chinese)))[0][0]["title"] == "On 中文"


def test_formats(tmp_path):
    path = written(tmp_path, "2203.00001.gz", gzip.compress(paper("X", f"$y$ {WORDS} \\appendix \\section{{More}} more")))
    assert read(path, format="latex")[0][0]["text"].startswith("\\begin{abstract}")
    assert read(path, format="text")[0][0]["text"].startswith("On X\n\nShort.\n\nOne\n\n$y$ We show")
    assert "$" not in read(path, math="none")[0][0]["text"]
    assert "More" not in read(path, appendix=False)[0][0]["text"]
    assert read(path, min_chars=10_000)[1].skipped == {"no_text": 1}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("2203/2203.00001.gz", ("2203.00001", None, "2022-03")),
        ("0704.0001v3.tar.gz", ("0704.0001", "v3", "2007-04")),
        ("9901/astro-ph9901001.gz", ("astro-ph/9901001", None, "1999-01")),
        ("hep-th/9201001.gz", ("hep-th/9201001", None, "1992-01")),
        ("math.AG/0601001v2", ("math/0601001", "v2", "2006-01")),
        ("arXiv_src_0001_001.tar", (None, None, None)),
        ("2299.00001.gz", ("2299.00001", None, None)),
        ("thesis.tex", (None, None, None)),
    ],
)
def test_identifiers(name, found):
    assert identify(name) == found


@pytest.mark.parametrize(("options", "word"), [({"min_chars": 0}, "min_chars"), ({"max_paper_bytes": 0}, "max_paper_bytes")])
def test_options_are_checked(options, word):
    with pytest.raises(ValueError, match=word):
        Arxiv(**options)


def test_bombs_are_errors(tmp_path):
    zeros = gzip.compress(bytes(100 << 20), 9)
    sparse = tarfile.TarInfo("main.tex")
    sparse.size = 1 << 40
    rows, tally = read(
        written(
            tmp_path,
            "arXiv_src_2203_001.tar",
            tarred(
                {
                    "2203/2203.00001.gz": gzip.compress(b"\\documentclass{a}" + bytes(100 << 20), 9),
                    "2203/2203.00002.gz": zeros,
                    "2203/2203.00003.gz": gzip.compress(tarred({"main.tex": b"\\section{a}" + b" " * (40 << 20)})),
                    "2203/2203.00004.gz": gzip.compress(sparse.tobuf() + b"\\section"),
                    "2203/2203.00005.gz": zlib.compress(b"neither"),
                    "2203/2203.00006.gz": gzip.compress(paper("Good")),
                }
            ),
        )
    )
    assert [row["title"] for row in rows] == ["On Good"]
    assert sum(tally.errors.values()) + sum(tally.skipped.values()) == 5
    assert tally.errors["too_large"] >= 2
