"""Code: language, licence and facts of real and made files; archives; what is skipped."""

import gzip
import io
import json
import os
import tarfile
import zipfile

import pytest

from curator import storage
from curator.documents import Piece, Tally
from curator.sources import SOURCES
from curator.sources.code import Code
from curator.sources.codefacts import facts
from curator.sources.languages import BY_NAME, language_of
from curator.sources.licences import is_licence_file, of_header, of_text

MIT = (
    "Copyright (c) 2020 X\n\nPermission is hereby granted, free of charge, to any person obtaining a copy, subject to the\n"
    "following conditions:\n\nThe above copyright notice and this permission\nnotice shall be included in all copies."
)
BSD = "Redistributions of source code must retain the above ... Redistributions in binary form must reproduce ..."
APACHE = "                                 Apache License\n                           Version 2.0, January 2004\n"


def read(path, **options):
    rows, tally = [], Tally()
    for file in storage.find([str(path)]):
        assert Code().ranges(file, 1) == [(0, -1)]
        for batch in Code(**options).read(Piece(file), tally):
            rows += batch.to_pylist()
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
        "alphabetic_ratio": round(13 / 21, 4),
        "alphanumeric_ratio": round(14 / 21, 4),
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
    [({"languages": ("Pyhton",)}, "languages"), ({"extensions": ("py",)}, "extensions"), ({"max_bytes": 0}, "max_bytes")],
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


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        (APACHE, "Apache-2.0"),
        (BSD, "BSD-2-Clause"),
        (BSD + " Neither the name may be used to endorse or promote products", "BSD-3-Clause"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991", "GPL-2.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999", "LGPL-2.1"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3", "AGPL-3.0"),
        ("Mozilla Public License Version 2.0", "MPL-2.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("木兰宽松许可证, 第2版", "MulanPSL-2.0"),
        ("All rights reserved.", None),
        ("", None),
    ],
)
def test_licence_texts(text, licence):
    assert of_text(text) == licence


@pytest.mark.parametrize(
    ("code", "licence"),
    [
        ("// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n", "Apache-2.0 WITH LLVM-exception"),
        ("/* SPDX-License-Identifier: (GPL-2.0 OR MIT) */", "(GPL-2.0 OR MIT)"),
        ("<!-- SPDX-License-Identifier: MIT -->", "MIT"),
        ('# Licensed under the Apache License, Version 2.0 (the\n# "License"); you may not', "Apache-2.0"),
        ("/*\n" + "\n".join(f" * {line}" for line in MIT.split("\n")) + "\n */", "MIT"),
        ("def license(): return 'MIT'", None),
    ],
)
def test_licence_headers(code, licence):
    assert of_header(code + "\nint main() {}") == licence


@pytest.mark.parametrize(
    ("name", "yes"),
    [
        ("LICENSE", True),
        ("licence.md", True),
        ("a/COPYING", True),
        ("COPYING.LESSER", True),
        ("LICENSE-MIT", True),
        ("UNLICENSE", True),
        ("LICENSE.txt", True),
        ("license.py", False),
        ("licenses.json", False),
        ("licensing.md", False),
    ],
)
def test_names_of_licence_files(name, yes):
    assert is_licence_file(name) is yes


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
    assert licences["own/d.c"] is None
    assert licences["dual/e.rs"] == "Apache-2.0 OR MIT"


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
