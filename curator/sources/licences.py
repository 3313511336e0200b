"""Which licence a file is under, as an SPDX expression: from its own header, from the LICENSE files of its folders, or from
what a package's manifest says (`manifests`); and of which kind a licence is.

A LICENSE file is told by its whole text (`licence_texts`). Short ones that only name their licence ("released under the MIT
License", a title, an SPDX line) are told by that; long ones that merely mention a licence are not.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from curator.sources import licence_texts
from curator.sources.licence_names import identifier_of, is_expression

_STEMS = (
    "LICENSE LICENCE COPYING UNLICENSE License license COPYING.LESSER LICENSE-MIT LICENSE-APACHE LICENSE.APACHE LICENSE.BSD"
)
NAMES = tuple(stem + suffix for stem in _STEMS.split() for suffix in ("", ".txt", ".md", ".rst"))
_NAME = re.compile(
    r"(?:un)?licen[cs]e(?:[-_.][\w.-]{1,20})?|(?:mit|apache|bsd|gpl|lgpl)-licen[cs]e|copying(?:[-.](?:lesser|lib|gpl))?", re.I
)
_PLAIN = (".txt", ".md", ".rst", ".html", ".adoc", "")
_NOT = re.compile(
    r"\.(?:py|js|ts|json|ya?ml|xml|go|rs|java|c|h|cc|cpp|cs|rb|php|sh|css|svg|png|tmpl|in|spec|tsx|jsx|csv)$", re.I
)

_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() :-]{2,150})")
NOASSERTION = "NOASSERTION"  # SPDX: there is a licence, and what it is nobody says
_HEADER_CHARS = 5000
_SHORT_CHARS = 3000  # a LICENSE file that names its licence, and no more


class Stated(NamedTuple):
    """A licence, and where it was said: `header`, `file` or `manifest`."""

    licence: str | None
    by: str | None = None


# What only this licence's texts and headers say: (identifier, phrases that must all be there, phrases that must not), in order.
_PHRASES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("AGPL-3.0", ("gnu affero general public license", "version 3"), ()),
    ("LGPL-3.0", ("gnu lesser general public license", "version 3"), ()),
    ("LGPL-2.1", ("gnu lesser general public license", "version 2.1"), ()),
    ("LGPL-2.0", ("gnu library general public license", "version 2"), ()),
    ("GPL-3.0", ("gnu general public license", "version 3"), ()),
    ("GPL-2.0", ("gnu general public license", "version 2"), ()),
    ("Apache-2.0", ("apache license", "version 2.0"), ()),
    ("Apache-2.0", ("apache.org/licenses/license-2.0",), ()),
    ("MPL-2.0", ("mozilla public license", "2.0"), ()),
    ("MPL-2.0", ("mozilla.org/mpl/2.0",), ()),
    ("EPL-2.0", ("eclipse public license", "2.0"), ()),
    ("EPL-1.0", ("eclipse public license", "1.0"), ()),
    ("CDDL-1.0", ("common development and distribution license", "1.0"), ()),
    ("EUPL-1.2", ("european union public licence", "1.2"), ()),
    ("MulanPSL-2.0", ("木兰宽松许可证", "第2版"), ()),
    ("MulanPSL-2.0", ("mulan psl v2",), ()),
    ("BSL-1.0", ("boost software license", "version 1.0"), ()),
    ("CC0-1.0", ("cc0 1.0 universal",), ()),
    ("CC0-1.0", ("creativecommons.org/publicdomain/zero/1.0",), ()),
    ("CC-BY-SA-4.0", ("attribution-sharealike 4.0",), ()),
    ("CC-BY-NC-SA-4.0", ("attribution-noncommercial-sharealike 4.0",), ()),
    ("CC-BY-NC-4.0", ("attribution-noncommercial 4.0",), ()),
    ("CC-BY-4.0", ("attribution 4.0 international",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("WTFPL", ("do what the fuck you want to public license",), ()),
    ("Zlib", ("the origin of this software must not be misrepresented", "altered source versions must be plainly marked"), ()),
    ("Python-2.0", ("python software foundation license version 2",), ()),
    ("PostgreSQL", ("postgresql license",), ()),
    ("JSON", ("permission is hereby granted, free of charge", "good, not evil"), ()),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice"), ()),
    ("MIT-0", ("permission is hereby granted, free of charge", "without restriction"), ("subject to the following",)),
    ("BSD-4-Clause", ("redistributions of source code must retain", "all advertising materials"), ()),
    ("BSD-3-Clause", ("redistributions of source code must retain", "to endorse or promote"), ()),
    ("BSD-2-Clause", ("redistributions of source code must retain", "redistributions in binary form must reproduce"), ()),
    ("0BSD", ("permission to use, copy, modify, and/or distribute",), ("provided that the above",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute", "provided that the above copyright notice"), ()),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose with or without fee",), ()),
)
# The words that a licence asks for at the top of a file.
_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Apache-2.0", ("licensed under the apache license, version 2.0",)),
    ("MPL-2.0", ("subject to the terms of the mozilla public license, v. 2.0",)),
    ("MulanPSL-2.0", ("licensed under mulan psl v2",)),
    ("EPL-2.0", ("under the terms of the eclipse public license", "2.0")),
    ("EPL-1.0", ("under the terms of the eclipse public license", "v1.0")),
    ("BSL-1.0", ("distributed under the boost software license, version 1.0",)),
    ("AGPL-3.0", ("under the terms of the gnu affero general public license", "version 3")),
    ("LGPL-2.1", ("under the terms of the gnu lesser general public license", "version 2.1")),
    ("LGPL-3.0", ("under the terms of the gnu lesser general public license", "version 3")),
    ("LGPL-2.0", ("under the terms of the gnu library general public license", "version 2")),
    ("GPL-3.0", ("under the terms of the gnu general public license", "version 3")),
    ("GPL-2.0", ("under the terms of the gnu general public license", "version 2")),
)
_LATER = re.compile(r"any later version|or later\b")
_NAMED = re.compile(
    r"(?:licen[cs]ed|released|distributed|available|published|provided|code is) under"
    r" (?:the (?:terms (?:of|and conditions of) )?)?"
    r"(?:the )?(?:terms of the )?([a-z0-9][a-z0-9 .,+-]{1,60}?)(?: licen[cs]e\b| \(|[;:\n]|\. |\.?$)"
)
# What takes back a licence's freedom, in the words of riders such as the Commons Clause.
_RIDERS = re.compile(
    r"(?<!commercial or )(?<!commercial and )non-?commercial(?! (?:or|and) commercial)"
    r"|not (?:be )?(?:used )?for commercial|commercial use is (?:not|prohibited)|(?:research|academic)"
    r" (?:use|purposes?) only|commons clause|非商业|仅供学习|禁止商用"
)
_TEXTS_WITH_RIDERS = re.compile(
    r"CC-|PolyForm|BUSL|Elastic|SSPL|SUL|FSL|CDDL|GPL|MPL|GFDL|RPL|QPL|OSL|AFL|LPPL|Ruby|MS-|CECILL|EUPL"
)


def is_licence_file(path: str) -> bool:
    name = posixpath.basename(path)
    stem, extension = posixpath.splitext(name)
    if _NOT.search(name):
        return False
    return _NAME.fullmatch(stem if extension.lower() in _PLAIN else name) is not None


def of_text(text: str) -> str | None:
    """The licence that a LICENSE file holds, an SPDX expression; None if it is not one of the common ones.

    Texts of several licences in one file all apply (AND), unless it says that one may choose.
    """
    found = licence_texts.of_text(text)
    plain = _plain(text[:_SHORT_CHARS])
    if not found:
        return _of_short(text, plain) if len(text.strip()) <= _SHORT_CHARS else None
    joint = (
        " OR "
        if re.search(r"dual[- ]licensed|at your (?:option|choice)[,:]? (?:either|any)|either of the following", plain)
        else " AND "
    )
    if not any(_TEXTS_WITH_RIDERS.match(name) for name in found) and _RIDERS.search(text[:20_000].lower()):
        return f"{' AND '.join(found)} AND LicenseRef-Noncommercial"
    return joint.join(found)


def _of_short(text: str, plain: str) -> str | None:
    if spdx := _spdx(text):
        return spdx
    for identifier, needed, forbidden in _PHRASES:
        if all(phrase in plain for phrase in needed) and not any(phrase in plain for phrase in forbidden):
            return identifier
    if named := _NAMED.search(plain):
        return identifier_of(named[1])
    return identifier_of(next((line for line in text.splitlines() if line.strip(" #=*-")), "").strip(" #=*-"))


def of_header(code: str) -> str | None:
    """The licence that the top of a file names: its SPDX line, or the words that a licence asks for."""
    head = code[:_HEADER_CHARS]
    if spdx := _spdx(head):
        return spdx
    if "icense" not in head and "ermission" not in head and "edistribution" not in head:
        return None
    plain = _plain(head)
    for identifier, needed in _HEADERS:
        if all(phrase in plain for phrase in needed):
            return f"{identifier}-{'or-later' if _LATER.search(plain) else 'only'}" if "GPL" in identifier else identifier
    if (
        "permission is hereby granted" in plain
        or "redistributions of source code" in plain
        or "permission to use, copy" in plain
    ):
        found = licence_texts.of_text(head)
        return " AND ".join(found) or _of_short(head, plain)
    return None


def _spdx(text: str) -> str | None:
    found = _SPDX.search(text)
    if not found:
        return None
    expression = " ".join(found[1].replace("-->", "").split()).rstrip(" -:")
    while expression and not is_expression(expression):  # what follows on the line is no longer part of it
        expression = expression.rpartition(" ")[0]
    return expression or None


def _plain(text: str) -> str:
    """Lower case, one space between words, comment marks gone; hyphens inside of words stay."""
    return " ".join(word.strip('/*#;"“”>|!') for word in text.lower().split() if word.strip('/*#;"“”>|!-'))


def nearest(path: str, known: dict[str, Stated]) -> Stated:
    """The licence of the nearest folder above a path; `known` is keyed by folder, the root being ''."""
    folder = posixpath.dirname(path)
    while True:
        if folder in known:
            return known[folder]
        if not folder:
            return Stated(None)
        folder = posixpath.dirname(folder)
