"""Code: language, licence and facts of real and made files; archives; what is skipped."""

import errno
import gzip
import io
import json
import os
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import storage
from curator.documents import Piece, Tally
from curator.sources import SOURCES, licence_files
from curator.sources.code import Code
from curator.sources.codefacts import facts
from curator.sources.languages import BY_NAME, language_of
from curator.sources.repositories import Entry, in_order

MIT = (
    "Copyright (c) 2020 X\n\nPermission is hereby granted, free of charge, to any person obtaining a copy, subject to the\n"
    "following conditions:\n\nThe above copyright notice and this permission\nnotice shall be included in all copies."
)
APACHE = "                                 Apache License\n                           Version 2.0, January 2004\n"


def read(path, **options):
    rows, tally = [], Tally()
    source = Code(**options)
    for first, *others in source.together(storage.find([str(path)])):
        assert source.ranges(first, 1) == [(0, -1)]
        for batch in source.read(Piece(first, others=tuple(others)), tally):
            rows += batch.to_pylist()
    assert len({(row["part"], row["offset"], row["title"]) for row in rows}) == len(rows)
    assert tally.records == len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values())
    return rows, tally


def written(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def about(row):
    return json.loads(row["metadata"])


def test_a_file_of_a_folder(tmp_path):
    rows, _ = read(written(tmp_path, {"src/a.py": "import os\r\nprint(1)\r\n"}))
    assert SOURCES["code"] is Code
    assert len(rows) == 1
    assert (rows[0]["offset"], rows[0]["part"], rows[0]["title"], rows[0]["license"]) == (0, None, "src/a.py", None)
    assert rows[0]["text"] == "import os\nprint(1)\n"
    assert about(rows[0]) == {
        "path": "src/a.py",
        "language": "Python",
        "kind": "programming",
        "generated": False,
        "minified": False,
        "vendored": False,
        "data": False,
        "lines": 2,
        "mean_line_chars": 8.5,
        "max_line_chars": 9,
        "limited_mean_line_chars": 8.5,
        "limited_max_line_chars": 9,
        "license_type": "none",
        "alphabetic_ratio": round(13 / 19, 4),
        "alphanumeric_ratio": round(14 / 19, 4),
        "xml": False,
        "visible_ratio": 1.0,
    }


def test_what_is_no_code_is_skipped_by_kind(tmp_path):
    files = {
        "a.py": "x = 1",
        "b.png": b"\x89PNG",
        "c.dat": b"abc\0def",
        "d.bin2": bytes(range(1, 9)) * 100 + b"\xff",
        "e.py": "  \n",
        "f.py": b"",
        "g.py": "x" * 2000,
    }
    rows, tally = read(written(tmp_path, files), max_bytes=1000)
    assert [row["title"] for row in rows] == ["a.py"]
    assert tally.skipped == {"binary": 3, "empty": 2, "too_large": 1}


def test_an_archive_of_windows(tmp_path):
    mit = "MIT License\n\nPermission is hereby granted, free of charge, to any person"
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, text in {"p\\a.py": "x = 1", "p\\LICENSE": mit, "p\\.git\\hooks\\x": "echo", "p\\.git": "gitdir: x"}.items():
            archive.writestr(name, text)
    (tmp_path / "p.zip").write_bytes(raw.getvalue())
    rows, tally = read(tmp_path / "p.zip")
    assert {row["part"]: row["license"] for row in rows} == {"p/a.py": "MIT", "p/LICENSE": "MIT"}
    assert tally.skipped == {"version_control": 2}


def test_files_are_chosen_by_language_or_extension(tmp_path):
    written(tmp_path, {"a.py": "a", "b.rs": "b", "c": "#!/usr/bin/env python3\nc", "D.PY": "d"})
    rows, tally = read(tmp_path, languages=("python",))
    assert [row["title"] for row in rows] == ["D.PY", "a.py", "c"]
    assert tally.skipped == {"language": 1}
    rows, tally = read(tmp_path, extensions=(".rs",))
    assert [row["title"] for row in rows] == ["b.rs"]
    assert tally.skipped == {"extension": 3}


def test_charsets(tmp_path):
    comment = "# 这是一个很长的中文注释，说的是我们在这里要做的事情和为什么要这样做\n"
    rows, tally = read(written(tmp_path, {"a.py": comment.encode("gb18030"), "b.py": comment.encode("utf-16")}))
    assert [row["text"] for row in rows] == [comment, comment]
    assert [about(row)["charset"] for row in rows] == ["gb18030", "utf-16-le"]
    assert tally.errors == {}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"languages": ("Pyhton",)}, r"languages: .Pyhton. .* Did you mean .Python.\?"),
        ({"extensions": ("py",)}, "extensions"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"output_chars": -1}, "output_chars"),
        ({"repository_chars": 10}, "repository_chars"),
        ({"repository_depth": -1}, "repository_depth"),
        ({"file_header": "{file}"}, "file_header"),
        ({"repository_header": "{"}, "repository_header"),
    ],
)
def test_options_are_checked(options, word):
    with pytest.raises(ValueError, match=word):
        Code(**options)


# ------------------------------------------------------------------------------------------------------------- languages


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a/b.py", "", "Python"),
        ("Makefile", "", "Makefile"),
        ("x/CMakeLists.txt", "", "CMake"),
        ("Dockerfile", "", "Dockerfile"),
        ("a.h", "int f(void);", "C"),
        ("a.h", "namespace x {\n}", "C++"),
        ("a.h", "#import <F.h>\n@interface X\n@end", "Objective-C"),
        ("a.m", "@implementation X", "Objective-C"),
        ("a.m", "function y = f(x)\n% comment\nend", "MATLAB"),
        ("a.pl", "use strict;", "Perl"),
        ("a.pl", ":- module(x, []).", "Prolog"),
        ("a.ts", "const x: number = 1", "TypeScript"),
        ("a.ts", '<?xml version="1.0"?><TS>', "XML"),
        ("a.v", "module x;", "Verilog"),
        ("a.v", "Theorem x : y.", "Coq"),
        ("run", "#!/bin/bash\n", "Shell"),
        ("run", "#!/usr/bin/env -S python3.11\n", "Python"),
        ("run", "#!/usr/local/bin/node", "JavaScript"),
        ("run", "#!/usr/bin/env -S FOO=1 python3 -u\n", "Python"),
        ("run", "#!/usr/bin/env node\n", "JavaScript"),
        ("run", "#!/opt/x/no-such-thing\n", None),
        ("run", "# -*- mode: ruby -*-\n", "Ruby"),
        ("run", "// -*- C++ -*-\n", "C++"),
        ("run", "<?php echo 1;", "PHP"),
        ("a.v", "fn main() {\n}", "V"),
        ("a.m", "x = 3;\ny = x.^2; % square", "MATLAB"),
        ("a.m", "(* ::Package:: *)\nf[x_] := x", "Mathematica"),
        ("a.pp", "class apache {\n}", "Puppet"),
        ("a.pp", "program x;\nbegin\nend.", "Pascal"),
        ("a.r", "x <- 1", "R"),
        ("a.r", "REBOL [Title: 1]", "Rebol"),
        ("a.d", "x.o: x.c x.h\n", "Makefile"),
        ("a.d", "import std.stdio;", "D"),
        ("a.fs", "#version 330\nvoid main() {}", "GLSL"),
        ("a.fs", "let x = 1", "F#"),
        ("a.ml", "structure X = struct end", "Standard ML"),
        ("a.inc", "<?php", "PHP"),
        ("a.cls", "VERSION 1.0 CLASS", "Visual Basic"),
        ("a.pro", "QT += core", "QMake"),
        ("a.1", ".TH LS 1\n", "Roff"),
        ("a.xslt", "<?xml version='1.0'?>", "XSLT"),
        ("run", "nothing", None),
        ("x.unknown", "", None),
        ("README", "", "Markdown"),
        ("package.json", "{}", "JSON"),
    ],
)
def test_languages(path, text, language):
    found = language_of(path, text)
    assert (found.name if found else None) == language


def test_the_table_has_the_common_languages():
    assert len(BY_NAME) >= 100
    assert {BY_NAME[name].kind for name in ("python", "html", "json", "markdown")} == {"programming", "markup", "data", "prose"}


# -------------------------------------------------------------------------------------------------------------- licences


def test_the_nearest_licence_of_a_folder_counts(tmp_path):
    files = {
        "LICENSE": MIT,
        "a.c": "int a;",
        "lib/COPYING": "GNU GENERAL PUBLIC LICENSE Version 2",
        "lib/deep/b.c": "int b;",
        "lib/c.c": "// SPDX-License-Identifier: ISC\n",
        "own/LICENSE": "All rights reserved",
        "own/d.c": "int d;",
        "dual/LICENSE-MIT": MIT,
        "dual/LICENSE-APACHE": APACHE,
        "dual/e.rs": "fn e() {}",
    }
    rows, _ = read(written(tmp_path, files))
    licences = {row["title"]: row["license"] for row in rows}
    assert licences["a.c"] == "MIT"
    assert licences["lib/deep/b.c"] == "GPL-2.0"
    assert licences["lib/c.c"] == "ISC"
    assert licences["own/d.c"] == "NOASSERTION", "its owner's own terms are not the same as none"
    assert {about(row)["license_type"] for row in rows if row["title"] == "own/d.c"} == {"unknown"}
    assert licences["dual/e.rs"] == "Apache-2.0 OR MIT"


def test_a_licence_that_a_store_does_not_give_now_is_not_none(tmp_path, monkeypatch):
    folder = written(tmp_path, {"LICENSE": MIT, "a.c": "int a;"})
    given = licence_files.storage.open_input

    def failing(path):
        if path.endswith("LICENSE"):
            raise OSError(errno.EIO, "the line is down", path)
        return given(path)

    monkeypatch.setattr(licence_files.storage, "open_input", failing)
    with pytest.raises(OSError, match="the line is down"):
        read(folder)


def test_an_installed_package():
    rows, tally = read("package:rich")
    names = {row["title"] for row in rows}
    assert {"rich/console.py", "rich/_emoji_codes.py"} <= names
    assert {row["license"] for row in rows} == {"MIT"}
    assert {about(row)["language"] for row in rows if row["title"].endswith(".py")} == {"Python"}
    assert tally.errors == {}


# ----------------------------------------------------------------------------------------------------------------- facts


@pytest.mark.parametrize(
    ("path", "text", "flag"),
    [
        ("a.go", "// Code generated by stringer; DO NOT EDIT.\npackage a", "generated"),
        ("a.py", "# -*- coding: utf-8 -*-\n# Generated by the protocol buffer compiler.  DO NOT EDIT!\n", "generated"),
        ("a.ts", "/** @generated */", "generated"),
        ("a.c", "/* 自动生成 */", "generated"),
        ("x/package-lock.json", "{}", "generated"),
        ("x/y_pb2.py", "x", "generated"),
        ("a.min.js", "x", "minified"),
        ("a.js", "var a=1;" * 100, "minified"),
        ("vendor/a.go", "x", "vendored"),
        ("x/node_modules/y/z.js", "x", "vendored"),
        ("static/jquery-3.1.js", "x", "vendored"),
        ("configure", "#! /bin/sh", "vendored"),
        ("Parser.java", "// Generated from X.g4 by ANTLR 4.9\n", "generated"),
        ("uv.lock", "x", "generated"),
        ("a.py", "x" * 600, "minified"),
    ],
)
def test_flags(path, text, flag):
    language = language_of(path, text)
    found = facts(path, text, language.name if language else None, language.kind if language else None)
    assert [name for name in ("generated", "minified", "vendored") if found[name]] == [flag]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "x = 1\n" * 50 + "# do not edit"),
        ("generator.py", "def generate(): ...\n"),
        ("vendors.py", "x"),
        ("a.py", "x" * 500),
    ],
)
def test_flags_that_must_not_rise(path, text):
    found = facts(path, text, "Python", "programming")
    assert [name for name in ("generated", "minified", "vendored") if found[name]] == []


def test_numbers_of_html_and_xml():
    found = facts("a.html", "<html><head><script>var x = 1;</script></head><body>text here</body></html>", "HTML", "markup")
    assert found["visible_chars"] == len("text here")
    assert found["visible_ratio"] == round(9 / 75, 4)
    assert facts("a.svg", '\n<?xml version="1.0"?>', "SVG", "data")["xml"]
    assert facts("a.svg", '\n<?xml version="1.0"?>', "SVG", "data")["data"]


@pytest.mark.parametrize(
    ("path", "text", "data"),
    [
        ("package.json", '{"name": "a package of some words", "license": "MIT"}', False),
        ("a.yml", "name: test\non: push\njobs: every day a new one comes and goes\n", False),
        ("a.json", '{"name": "words"}' * 400, True),
        ("a.json", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]", True),
        ("a.csv", "name,words\nmore,words of every kind that there are in the world\n", True),
        ("a.svg", "<svg>words and words and words and words and words and words</svg>", True),
        ("a.py", "x = 1", False),
    ],
)
def test_data_files(path, text, data):
    language = language_of(path, text)
    assert language
    assert facts(path, text, language.name, language.kind)["data"] is data


def test_starcoder_lets_long_lines_of_some_languages_off():
    for language, kind, limited in (("Markdown", "prose", 0), ("SQL", "programming", 0), ("Python", "programming", 2000)):
        found = facts("a", "x" * 2000, language, kind)
        assert (found["max_line_chars"], found["limited_max_line_chars"]) == (2000, limited)


# -------------------------------------------------------------------------------------------------------------- archives

PROJECT = {
    "p/src/a.py": b"print(1)\n",
    "p/src/b.js": b"var b = 1\n",
    "p/logo.png": b"\x89PNG\0",
    "p/LICENSE": MIT.encode(),  # behind the code
    "p/lib/LICENSE": b"GNU GENERAL PUBLIC LICENSE version 3",
    "p/lib/c.c": b"int c;\n",
    "../evil.py": b"print(2)\n",
    "p/inner.zip": b"PK",
    "p/big.py": b"x = 1\n" * 1000,
}


def tar_gz(files):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(raw.getvalue())


def zipped(files):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


@pytest.mark.parametrize(("name", "pack"), [("p.tar.gz", tar_gz), ("p.zip", zipped)])
def test_members_of_an_archive_are_documents(tmp_path, name, pack):
    rows, tally = read(written(tmp_path, {name: pack(PROJECT)}), max_bytes=2000)
    assert [(row["part"], row["offset"], row["title"], row["license"]) for row in rows] == [
        ("p/src/a.py", 0, "p/src/a.py", "MIT"),
        ("p/src/b.js", 0, "p/src/b.js", "MIT"),
        ("p/LICENSE", 0, "p/LICENSE", "MIT"),
        ("p/lib/LICENSE", 0, "p/lib/LICENSE", "GPL-3.0"),
        ("p/lib/c.c", 0, "p/lib/c.c", "GPL-3.0"),
    ]
    assert tally.skipped == {"binary": 1, "archive": 1, "too_large": 1}
    assert tally.errors == {"unsafe_name": 1}


def test_a_truncated_archive_keeps_its_whole_members(tmp_path):
    files = {f"{n}.py": f"x = '{os.urandom(2000).hex()}'\n".encode() for n in range(30)}
    data = tar_gz(files)
    rows, tally = read(written(tmp_path, {"p.tar.gz": data[: len(data) // 2]}))
    assert 10 <= len(rows) < 20
    assert [d["kind"] for d in tally.damage if d["file_damage"]] == ["truncated"]


def test_a_zip_bomb_is_an_error(tmp_path):
    rows, tally = read(
        written(tmp_path, {"p.zip": zipped({"bomb.py": b" " * 20_000_000, "a.py": b"x"})}), max_bytes=100_000_000
    )
    assert [row["part"] for row in rows] == ["a.py"]
    assert sum(tally.errors.values()) + sum(tally.skipped.values()) == 1


# ------------------------------------------------------------------------------------------------- notebooks, repositories

NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "metadata": {"language_info": {"name": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": "# A title"},
            {"cell_type": "code", "source": "print(1)", "outputs": [{"output_type": "stream", "text": "1\n" * 2000}]},
        ],
    }
)


def test_notebooks_become_text(tmp_path):
    path = written(tmp_path, {"a.ipynb": NOTEBOOK, "b.ipynb": "{}", "c.ipynb": '{"cells": []}', "d.py": "x = 1"})
    rows, tally = read(path, max_bytes=1000)
    assert [row["title"] for row in rows] == ["a.ipynb", "d.py"]
    assert rows[0]["text"] == "# A title\n\n```python\nprint(1)\n```\n"
    assert about(rows[0])["kind"] == "notebook"
    assert (about(rows[0])["notebook_language"], about(rows[0])["cells"], about(rows[0])["data"]) == ("python", 2, False)
    assert (tally.errors, tally.skipped) == ({"malformed_notebook": 1}, {"empty": 1})
    rows, tally = read(path, notebooks="structured", output_chars=2)
    assert rows[0]["text"] == "<jupyter_start><jupyter_text># A title<jupyter_code>print(1)<jupyter_output>1"
    rows, tally = read(path, notebooks="raw", max_bytes=1000)
    assert [row["title"] for row in rows] == ["b.ipynb", "c.ipynb", "d.py"]
    assert tally.skipped == {"too_large": 1}


REPOSITORY = {
    "zeta/LICENSE": MIT,
    "zeta/app/main.py": "from app import model\nfrom .tools import helper\n",
    "zeta/app/model.py": "import app.tools\n",
    "zeta/app/tools.py": "helper = 1\n",
    "zeta/README.md": "# Zeta\n",
    "zeta/vendor/x.py": "x = 1\n",
    "zeta/go.sum": "x\n",
    "zeta/a.min.js": "x\n",
    "zeta/data.csv": "1,2\n",
    "zeta/logo.png": b"\x89PNG\0",
    "zeta/empty.py": "",
}


@pytest.mark.parametrize("pack", [None, tar_gz, zipped])
def test_a_repository_is_one_document(tmp_path, pack):
    options: dict[str, object] = {"documents": "repository", "order": "dependencies"}
    if pack:
        raw = {name: content if isinstance(content, bytes) else content.encode() for name, content in REPOSITORY.items()}
        path = written(tmp_path, {"z.tar.gz" if pack is tar_gz else "z.zip": pack(raw)})
    else:
        path = written(tmp_path, REPOSITORY)
        options["repository_depth"] = 1
    rows, tally = read(path, **options)
    assert len(rows) == 1
    assert rows[0]["text"] == (
        f"<repo_name>zeta<file_sep>README.md\n# Zeta\n<file_sep>LICENSE\n{MIT}<file_sep>app/tools.py\nhelper = 1\n"
        "<file_sep>app/model.py\nimport app.tools\n<file_sep>app/main.py\nfrom app import model\nfrom .tools import helper\n"
    )
    assert (rows[0]["title"], rows[0]["license"], rows[0]["offset"]) == ("zeta", "MIT", 0)
    known = about(rows[0])
    assert (known["language"], known["files"], known["license_type"]) == ("Python", 5, "permissive")
    assert known["languages"]["Python"] == len(
        "".join(REPOSITORY[f"zeta/app/{name}.py"] for name in ("main", "model", "tools"))
    )
    assert not any(known[flag] for flag in ("generated", "minified", "vendored", "data"))
    assert tally.skipped == {"joined": 5, "vendored": 1, "generated": 1, "minified": 1, "data": 1, "binary": 1, "empty": 1}


def test_repositories_of_a_folder_and_their_parts(tmp_path):
    files = {f"{owner}/{name}/{n}.py": f"x{n} = 1\n" * 60 for owner in "ab" for name in "xy" for n in range(5)}
    rows, tally = read(
        written(tmp_path, files),
        documents="repository",
        repository_depth=2,
        repository_chars=1000,
        file_header="#{path}\n",
        repository_header="",
    )
    assert [(row["part"], row["offset"]) for row in rows] == [
        (f"{owner}/{name}", n) for owner in "ab" for name in "xy" for n in range(3)
    ]
    assert rows[1]["text"] == "#2.py\n" + "x2 = 1\n" * 60 + "#3.py\n" + "x3 = 1\n" * 60
    assert all(len(row["text"]) <= 1000 for row in rows)
    assert tally.skipped == {"joined": 20}


def entries(**files):
    return [Entry(name.replace("__", "/").replace("_", "."), text, language, {}) for name, (language, text) in files.items()]


def test_imports_come_first_and_cycles_are_broken():
    found = in_order(
        entries(
            a_c=("C", '#include "lib/z.h"\n'),
            lib__z_h=("C", "int z;"),
            m_ts=("TypeScript", "import { n } from './n'"),
            n_ts=("TypeScript", "export const n = 1"),
            p_py=("Python", "import q"),
            q_py=("Python", "import p"),
            README_md=("Markdown", "import p"),
            x_rb=("Ruby", "require_relative 'y'"),
            y_rb=("Ruby", "1"),
        ),
        "dependencies",
    )
    assert [entry.path for entry in found] == [
        *("README.md", "lib/z.h", "a.c", "n.ts", "m.ts", "y.rb", "x.rb", "p.py", "q.py"),
    ]


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=5)), max_size=10, unique_by=lambda x: x[0]))
def test_an_order_has_every_file_once(graph):
    files = [Entry(f"m{n}.py", "".join(f"import m{k}\n" for k in to), "Python", {}) for n, to in graph]
    found = in_order(files, "dependencies")
    assert sorted(e.path for e in found) == sorted(e.path for e in files)
    assert found == in_order(files[::-1], "dependencies")
    place = {entry.path: at for at, entry in enumerate(found)}
    edges = {(n, k) for n, to in graph for k in to if k != n and f"m{k}.py" in place}
    if not has_cycle(edges):
        assert all(place[f"m{k}.py"] < place[f"m{n}.py"] for n, k in edges)


def has_cycle(edges):
    edges = set(edges)
    while edges:
        leaves = {k for _, k in edges} - {n for n, _ in edges}
        if not leaves:
            return True
        edges = {(n, k) for n, k in edges if k not in leaves}
    return False


@pytest.mark.parametrize("form", ["p.zip", "folder"])
def test_what_version_control_keeps_for_itself_is_no_code(tmp_path, form):
    files = {".git/hooks/pre-commit.sample": b"#!/bin/sh\nexit 0\n", ".git/config": b"[core]\n", "a.py": b"x = 1\n"}
    files |= {".github/ci.yml": b"on: push\n", "sub/.svn/entries": b"12\n", "docs/.git": b"gitdir: ../x\n"}
    placed = {"p.zip": zipped(files)} if form == "p.zip" else files
    rows, tally = read(written(tmp_path, placed))
    assert {row["title"] for row in rows} == {"a.py", ".github/ci.yml"}
    assert tally.skipped == {"version_control": 4}


@pytest.mark.parametrize(
    ("files", "licence", "kind"),
    [
        ({"a.py": "# SPDX-License-Identifier: MIT\nx", "b.py": "y"}, "MIT AND NOASSERTION", "unknown"),
        ({"a.py": "# SPDX-License-Identifier: MIT\nx", "b.py": "# SPDX-License-Identifier: MIT\ny"}, "MIT", "permissive"),
        ({"a.py": "x", "b.py": "y"}, None, "none"),
        ({"LICENSE": "Ask us.", "a.py": "x", "b.py": "# SPDX-License-Identifier: MIT\n"}, "MIT AND NOASSERTION", "unknown"),
        ({"p/LICENSE": "Ask us.", "p/a.py": "x", "b.py": "y"}, "NOASSERTION", "unknown"),
        (
            {"a.py": "# SPDX-License-Identifier: MIT OR Apache-2.0\nx", "b.py": "# SPDX-License-Identifier: GPL-2.0-only\ny"},
            "GPL-2.0-only AND (MIT OR Apache-2.0)",
            "copyleft",
        ),
    ],
)
def test_the_licence_of_a_repository_is_that_of_every_file(tmp_path, files, licence, kind):
    path = tmp_path / "p.zip"
    path.write_bytes(zipped({name: text.encode() for name, text in files.items()}))
    ((row,), _) = read(path, documents="repository")
    assert (row["license"], about(row)["license_type"]) == (licence, kind)
