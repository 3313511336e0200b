"""Which licence a file is under, as an SPDX identifier: from its own header, or from the text of a LICENSE file.

A licence text is told by phrases that only it has, not by its whole wording, so that filled-in names, years and line breaks
do not matter.
"""

from __future__ import annotations

import posixpath
import re

_STEMS = "LICENSE LICENCE COPYING UNLICENSE License license COPYING.LESSER LICENSE-MIT LICENSE-APACHE"
NAMES = tuple(stem + suffix for stem in _STEMS.split() for suffix in ("", ".txt", ".md", ".rst"))
_NAME = re.compile(r"(?:un)?licen[cs]e(?:-[\w.]{1,20})?|copying(?:\.lesser)?", re.IGNORECASE)

_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]{2,100})")
_HEADER_CHARS = 5000

# (identifier, phrases that must all be there, phrases that must not), in order: the first that fits.
_TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("AGPL-3.0", ("gnu affero general public license", "version 3"), ()),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3, 29 june 2007"), ()),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2.1"), ()),
    ("LGPL-2.0", ("gnu library general public license", "version 2"), ()),
    ("GPL-3.0", ("gnu general public license", "version 3"), ()),
    ("GPL-2.0", ("gnu general public license", "version 2"), ()),
    ("Apache-2.0", ("apache license", "version 2.0"), ()),
    ("MPL-2.0", ("mozilla public license", "2.0"), ()),
    ("EPL-2.0", ("eclipse public license", "v 2.0"), ()),
    ("EPL-1.0", ("eclipse public license", "v 1.0"), ()),
    ("CDDL-1.0", ("common development and distribution license", "1.0"), ()),
    ("EUPL-1.2", ("european union public licence", "1.2"), ()),
    ("MulanPSL-2.0", ("木兰宽松许可证", "第2版"), ()),
    ("MulanPSL-2.0", ("mulan psl v2",), ()),
    ("BSL-1.0", ("boost software license - version 1.0",), ()),
    ("CC0-1.0", ("cc0 1.0 universal",), ()),
    ("CC-BY-SA-4.0", ("attribution-sharealike 4.0",), ()),
    ("CC-BY-NC-4.0", ("attribution-noncommercial 4.0",), ()),
    ("CC-BY-4.0", ("attribution 4.0 international",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("WTFPL", ("do what the fuck you want to public license",), ()),
    ("Zlib", ("the origin of this software must not be misrepresented", "altered source versions must be plainly marked"), ()),
    ("Python-2.0", ("python software foundation license version 2",), ()),
    ("PostgreSQL", ("postgresql license",), ()),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice"), ()),
    ("MIT-0", ("permission is hereby granted, free of charge", "without restriction"), ("subject to the following",)),
    ("BSD-4-Clause", ("redistributions of source code must retain", "all advertising materials"), ()),
    ("BSD-3-Clause", ("redistributions of source code must retain", "to endorse or promote"), ()),
    ("BSD-2-Clause", ("redistributions of source code must retain", "redistributions in binary form must reproduce"), ()),
    ("0BSD", ("permission to use, copy, modify, and/or distribute",), ("provided that the above",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute", "provided that the above copyright notice"), ()),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose with or without fee",), ()),
)
# A short licence text, or the header that the licence asks for at the top of a file.
_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Apache-2.0", ("licensed under the apache license, version 2.0",)),
    ("MPL-2.0", ("subject to the terms of the mozilla public license, v. 2.0",)),
    ("AGPL-3.0", ("under the terms of the gnu affero general public license", "version 3")),
    ("LGPL-2.1", ("under the terms of the gnu lesser general public license", "version 2.1")),
    ("LGPL-3.0", ("under the terms of the gnu lesser general public license", "version 3")),
    ("GPL-3.0", ("under the terms of the gnu general public license", "version 3")),
    ("GPL-2.0", ("under the terms of the gnu general public license", "version 2")),
)


def is_licence_file(path: str) -> bool:
    name = posixpath.basename(path)
    stem, extension = posixpath.splitext(name)
    if extension.lower() not in (".txt", ".md", ".rst", ".lesser", ""):
        stem = name
    return _NAME.fullmatch(stem if extension.lower() != ".lesser" else name) is not None


def of_text(text: str) -> str | None:
    """The licence that a LICENSE file holds; None if it is not one of the common ones."""
    plain = _plain(text[:60_000])
    for identifier, needed, forbidden in _TEXTS:
        if all(phrase in plain for phrase in needed) and not any(phrase in plain for phrase in forbidden):
            return identifier
    return None


def of_header(code: str) -> str | None:
    """The licence that the top of a file names: its SPDX line, or the words that a licence asks for."""
    head = code[:_HEADER_CHARS]
    if spdx := _SPDX.search(head):
        return " ".join(spdx[1].replace("-->", "").split()).rstrip(" -") or None
    if "icense" not in head and "ermission" not in head and "edistribution" not in head:
        return None
    plain = _plain(head)
    for identifier, needed in _HEADERS:
        if all(phrase in plain for phrase in needed):
            return identifier
    return of_text(head) if "permission is hereby granted" in plain or "redistributions of source code" in plain else None


def _plain(text: str) -> str:
    """Lower case, one space between words, comment marks gone; hyphens inside of words stay."""
    return " ".join(word.strip('/*#;"“”>|!') for word in text.lower().split() if word.strip('/*#;"“”>|!-'))


def nearest(path: str, known: dict[str, str | None]) -> str | None:
    """The licence of the nearest folder above a path; `known` is keyed by folder, the root being ''."""
    folder = posixpath.dirname(path)
    while True:
        if folder in known:
            return known[folder]
        if not folder:
            return None
        folder = posixpath.dirname(folder)
