"""Licences: texts, headers, manifests, names, and of which kind they are."""

import importlib.metadata
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.sources import licence_texts
from curator.sources.licence_names import identifier_of, is_expression, kind_of
from curator.sources.licences import is_licence_file, of_header, of_text
from curator.sources.manifests import is_manifest, licence_of

MIT = (
    "Copyright (c) 2020 X\n\nPermission is hereby granted, free of charge, to any person obtaining a copy, subject to the\n"
    "following conditions:\n\nThe above copyright notice and this permission\nnotice shall be included in all copies."
)
BSD = "Redistributions of source code must retain the above ... Redistributions in binary form must reproduce ..."
APACHE = "                                 Apache License\n                           Version 2.0, January 2004\n"


def text_of(distribution):
    """The LICENSE file of an installed package: a real one."""
    files = importlib.metadata.distribution(distribution).files or []
    return next(Path(str(f.locate())).read_text() for f in files if is_licence_file(f.name))


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
        ("Released under the MIT License.", "MIT"),
        ("# MIT License\n\nSee elsewhere.", "MIT"),
        ("SPDX-License-Identifier: 0BSD", "0BSD"),
        ("All rights reserved.", None),
        ("", None),
    ],
)
def test_short_licence_files(text, licence):
    assert of_text(text) == licence


@pytest.mark.parametrize(
    ("code", "licence"),
    [
        ("// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n", "Apache-2.0 WITH LLVM-exception"),
        ("/* SPDX-License-Identifier: (GPL-2.0 OR MIT) */", "(GPL-2.0 OR MIT)"),
        ("<!-- SPDX-License-Identifier: MIT -->", "MIT"),
        ('# Licensed under the Apache License, Version 2.0 (the\n# "License"); you may not', "Apache-2.0"),
        ("/*\n" + "\n".join(f" * {line}" for line in MIT.split("\n")) + "\n */", "MIT"),
        ("// SPDX-License-Identifier: MIT */ and more words here\n", "MIT"),
        ("# SPDX-License-Identifier: GPL-2.0-or-later\n", "GPL-2.0-or-later"),
        (
            "# This is free software: under the terms of the GNU General Public License as published by the\n"
            "# Free Software Foundation, either version 3 of the License, or (at your option) any later version.",
            "GPL-3.0-or-later",
        ),
        ("// under the terms of the GNU Lesser General Public License version 2.1 as published", "LGPL-2.1-only"),
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
        ("LICENSE.APACHE", True),
        ("MIT-LICENSE", True),
        ("license.py", False),
        ("licenses.json", False),
        ("licensing.md", False),
    ],
)
def test_names_of_licence_files(name, yes):
    assert is_licence_file(name) is yes


@pytest.mark.parametrize(
    ("distribution", "licence"),
    [
        ("rich", "MIT"),
        ("pyarrow", "Apache-2.0"),
        ("fsspec", "BSD-3-Clause"),
        ("flask", "BSD-3-Clause"),
        ("hypothesis", "MPL-2.0"),
        ("zlib-ng", "PSF-2.0"),
    ],
)
def test_whole_licence_texts(distribution, licence):
    assert (of_text(text_of(distribution)) or "").split(" AND ")[0] == licence


def test_the_texts_of_the_common_licences_are_known():
    names = {licence.identifier for licence in licence_texts.known()}
    common = "MIT Apache-2.0 BSD-2-Clause BSD-3-Clause GPL-2.0 GPL-3.0 LGPL-2.1 LGPL-3.0 AGPL-3.0 MPL-2.0 ISC Unlicense CC0-1.0"
    assert names >= {
        *common.split(),
        "EPL-1.0",
        "EPL-2.0",
        "Zlib",
        "BSL-1.0",
        "MulanPSL-2.0",
        "0BSD",
        "CC-BY-4.0",
        "Artistic-2.0",
    }
    assert names == set(licence_texts.LICENCES.split())
    assert all(kind_of(name) != "unknown" for name in names)
    for licence in licence_texts.known():
        assert 20 <= len(licence.triples) <= licence_texts.SAMPLE
        assert all(triple % licence.every == 0 for triple in licence.triples)


def rewrapped(text, width):
    words = text.split()
    return "\n".join(" ".join(words[at : at + width]) for at in range(0, len(words), width))


@pytest.mark.parametrize("distribution", ["rich", "flask", "hypothesis"])
@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: rewrapped(text, 6),
        lambda text: "\n".join(f" * {line}" for line in text.split("\n")),
        lambda text: text.replace("copyright holder", "Example Corporation").replace("\n", "\r\n"),
        lambda text: "Project X\n\nSee the terms below.\n\n" + text + "\n\nThis file also thanks everybody.\n" * 30,
    ],
)
def test_a_text_is_known_in_other_clothes(distribution, change):
    text = text_of(distribution)
    assert of_text(change(text)) == of_text(text) is not None


def test_a_licence_is_not_told_by_a_word():
    contract = (
        "You may not copy. Parts are under the MIT License, others under the GNU General Public License, version 3. " * 60
    )
    assert of_text(contract) is None
    words = text_of("rich").split()
    random.Random(0).shuffle(words)
    assert of_text(" ".join(words * 3)) is None


def test_riders_take_the_freedom_back():
    text = text_of("rich")
    assert of_text(text + "\nThe Software may be used for non-commercial purposes only.") == "MIT AND LicenseRef-Noncommercial"
    assert kind_of("MIT AND LicenseRef-Noncommercial") == "restricted"
    assert of_text(text + "\nFor any purpose, commercial or non-commercial.") == "MIT"


def test_two_texts_in_one_file():
    both = text_of("rich") + "\n\n" + text_of("flask")
    assert of_text(both) == "MIT AND BSD-3-Clause"
    assert of_text("This library is dual-licensed.\n\n" + both) == "MIT OR BSD-3-Clause"


def test_a_sample_is_bounded_and_the_same_in_every_text():
    text = " ".join(f"word{number}" for number in range(3000))
    every, triples = licence_texts.sampled(text)
    assert every in (16, 32)
    assert 50 < len(triples) <= licence_texts.SAMPLE
    more_often, more = licence_texts.sampled(text + " and more")
    assert more_often == every
    assert set(triples) <= set(more)
    assert licence_texts.sampled("a b") == (1, [])


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("The MIT License (MIT)", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache 2", "Apache-2.0"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("GPLv2+", "GPL-2.0-or-later"),
        ("GNU General Public License v3 (GPLv3)", "GPL-3.0"),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"),
        ("GNU AGPLv3", "AGPL-3.0"),
        ("MIT/Apache-2.0", "Apache-2.0 OR MIT"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        ("UNLICENSED", "LicenseRef-Proprietary"),
        ("SEE LICENSE IN LICENSE.txt", None),
        ("GPL", None),
        ("this project", None),
        ("", None),
    ],
)
def test_names_of_licences(name, licence):
    assert identifier_of(name) == licence


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("MIT", "permissive"),
        ("LGPL-2.1-or-later", "weak_copyleft"),
        ("GPL-2.0+", "copyleft"),
        ("CC-BY-NC-ND-2.5", "restricted"),
        ("GPL-2.0-only OR MIT", "permissive"),
        ("MIT AND GPL-3.0-only", "copyleft"),
        ("(MIT OR GPL-2.0) AND MPL-2.0", "weak_copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "weak_copyleft"),
        ("Foo-1.0", "unknown"),
        ("MIT AND Foo-1.0", "unknown"),
        ("(MIT", "unknown"),
        (None, "none"),
        ("(" * 5000, "unknown"),
    ],
)
def test_kinds(expression, kind):
    assert kind_of(expression) == kind


@given(st.text(alphabet="MITGPL-2.0 ()ANDORWH+", max_size=200))
def test_no_expression_breaks_the_reader(text):
    assert kind_of(text) in ("permissive", "weak_copyleft", "copyleft", "restricted", "unknown", "none")
    assert is_expression(text) in (True, False)
    identifier_of(text)


@pytest.mark.parametrize(
    ("path", "text", "licence"),
    [
        ("package.json", '{"license": "MIT"}', "MIT"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}', "GPL-2.0 OR MIT"),
        ("package.json", "[" * 10_000, None),
        ("package.json", '{"license": {"a": 1}}', None),
        ("a/Cargo.toml", '[package]\nlicense = "MIT OR Apache-2.0"', "MIT OR Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {text = "BSD 3-Clause License"}', "BSD-3-Clause"),
        ("pyproject.toml", '[project]\nclassifiers = ["License :: OSI Approved :: Apache Software License"]', "Apache-2.0"),
        ("pyproject.toml", '[tool.poetry]\nlicense = "MIT"', "MIT"),
        ("pyproject.toml", "[project\n", None),
        ("composer.json", '{"license": ["MIT", "LGPL-2.1-or-later"]}', "LGPL-2.1-or-later OR MIT"),
        ("pom.xml", "<licenses><license><name>Apache License, Version 2.0</name></license></licenses>", "Apache-2.0"),
        ("DESCRIPTION", "Package: x\nLicense: MIT + file LICENSE\n", "MIT"),
        ("x.gemspec", 'Gem::Specification.new do |s|\n  s.license = "MIT"\nend', "MIT"),
        ("x.cabal", "name: x\nlicense: BSD3\n", "BSD-3-Clause"),
        ("setup.cfg", "[metadata]\nlicense = MIT\n", "MIT"),
    ],
)
def test_manifests(path, text, licence):
    assert is_manifest(path)
    assert licence_of(path, text) == licence


def test_data_of_the_licences_is_plain():
    data = json.loads(licence_texts.DATA.read_text())
    assert len(licence_texts.DATA.read_bytes()) < 250_000
    assert set(data["licences"]["MIT"]) == {"every", "triples"}
