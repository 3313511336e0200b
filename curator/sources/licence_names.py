"""SPDX expressions, the names that people write for them, and of which kind a licence is.

The kinds follow the Blue Oak Council's list of permissive licences and ScanCode's categories, by which The Stack (arXiv
2211.15533) chose what to hold: `permissive` (also public domain), `weak_copyleft` (LGPL, MPL, EPL: ends at the file or the
library), `copyleft`, `restricted` (no commercial use, no changes, no competition), `unknown` for others, `none` without any.
"""

from __future__ import annotations

import re

_PERMISSIVE = """
0BSD AFL-2.1 AFL-3.0 Apache-1.0 Apache-1.1 Apache-2.0 Artistic-2.0 BSD-1-Clause BSD-2-Clause BSD-2-Clause-Patent BSD-3-Clause
BSD-3-Clause-Clear BSD-3-Clause-LBNL BSD-4-Clause BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD BSD-2-Clause-Views BSD-Source-Code
BSL-1.0 BlueOak-1.0.0 CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC0-1.0 CC-PDDC CECILL-B CNRI-Python ECL-2.0 FTL HPND
ICU ISC Info-ZIP Intel JasPer-2.0 Libpng libpng-2.0 libtiff MIT MIT-0 MIT-CMU MIT-Modern-Variant MIT-feh MulanPSL-1.0
MulanPSL-2.0 NCSA NTP ODC-By-1.0 OLDAP-2.8 OpenSSL PDDL-1.0 PHP-3.01 PSF-2.0 PostgreSQL Python-2.0 Ruby TCL UPL-1.0
Unicode-3.0 Unicode-DFS-2016 Unlicense Vim W3C WTFPL X11 Xnet ZPL-2.0 ZPL-2.1 Zlib zlib-acknowledgement bzip2-1.0.6 curl
LicenseRef-Public-Domain
"""
_WEAK = """
Artistic-1.0 Artistic-1.0-Perl CDDL-1.0 CDDL-1.1 CECILL-C CPL-1.0 EPL-1.0 EPL-2.0 IPL-1.0 LGPL-2.0 LGPL-2.1 LGPL-3.0 LPPL-1.3c
MPL-1.0 MPL-1.1 MPL-2.0 MS-PL MS-RL OFL-1.1 APSL-2.0
"""
_COPYLEFT = """
AGPL-1.0 AGPL-3.0 CC-BY-SA-1.0 CC-BY-SA-2.0 CC-BY-SA-2.5 CC-BY-SA-3.0 CC-BY-SA-4.0 CECILL-2.0 CECILL-2.1 CPAL-1.0 EUPL-1.1
EUPL-1.2 GFDL-1.1 GFDL-1.2 GFDL-1.3 GPL-1.0 GPL-2.0 GPL-3.0 MulanPubL-2.0 ODbL-1.0 OSL-3.0 QPL-1.0 RPL-1.5 Sleepycat
"""
_RESTRICTED = """
BUSL-1.1 Elastic-2.0 FSL-1.1-ALv2 FSL-1.1-MIT JSON NPOSL-3.0 PolyForm-Noncommercial-1.0.0 PolyForm-Small-Business-1.0.0 SSPL-1.0
SUL-1.0 LicenseRef-Noncommercial LicenseRef-Commons-Clause LicenseRef-Proprietary
"""
_KINDS = {
    name.lower(): kind
    for kind, names in (
        ("permissive", _PERMISSIVE),
        ("weak_copyleft", _WEAK),
        ("copyleft", _COPYLEFT),
        ("restricted", _RESTRICTED),
    )
    for name in names.split()
}
_ORDER = ("permissive", "weak_copyleft", "copyleft", "restricted", "unknown")  # from free to not free
_SPELLED = {name.lower(): name for names in (_PERMISSIVE, _WEAK, _COPYLEFT, _RESTRICTED) for name in names.split()}
_TOKEN = re.compile(r"\(|\)|[A-Za-z0-9.+:-]+")
_MOST_TOKENS = 60

# Names in manifests and in "released under the … licence", lower case, without `the`, `license` and punctuation.
_NAMES = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache v2": "Apache-2.0",
    "apache v2.0": "Apache-2.0",
    "apache software": "Apache-2.0",
    "apache software 2.0": "Apache-2.0",
    "asl 2.0": "Apache-2.0",
    "mit x11": "MIT",
    "mit/x11": "MIT",
    "expat": "MIT",
    "bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "bsd3": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "2-clause bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 2 clause": "BSD-2-Clause",
    "bsd2": "BSD-2-Clause",
    "bsd-2": "BSD-2-Clause",
    "boost": "BSL-1.0",
    "boost software": "BSL-1.0",
    "boost software 1.0": "BSL-1.0",
    "mozilla public 2.0": "MPL-2.0",
    "mozilla public": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "mpl2": "MPL-2.0",
    "mpl": "MPL-2.0",
    "eclipse public 2.0": "EPL-2.0",
    "eclipse public 1.0": "EPL-1.0",
    "isc": "ISC",
    "python software foundation": "PSF-2.0",
    "psf": "PSF-2.0",
    "zlib/libpng": "Zlib",
    "public domain": "LicenseRef-Public-Domain",
    "cc0": "CC0-1.0",
    "cc0 1.0 universal": "CC0-1.0",
    "creative commons zero": "CC0-1.0",
    "mulan psl v2": "MulanPSL-2.0",
    "mulan psl 2.0": "MulanPSL-2.0",
    "unlicensed": "LicenseRef-Proprietary",
    "proprietary": "LicenseRef-Proprietary",
}
_GNU = re.compile(
    r"(?:gnu )?(?:(affero)|(lesser|library))? ?(?:general public|(a|l)?gpl)(?: \((?:a|l)?gpl\))?[, -]*(?:version |v)?"
    r"(\d(?:\.\d)?)?(?:\.0)?(\+| or later| or any later| or newer| only)?(?: \((?:a|l)?gpl(?:v\d\+?)?\))?"
)


def is_expression(text: str) -> bool:
    """Whether it is an SPDX expression: identifiers, known or not, joined by AND, OR and WITH."""
    return _Reader(text).read() is not None


def kind_of(expression: str | None) -> str:
    """Of which kind a licence is: of a choice (OR) the freest one, of several (AND) the strictest."""
    if not expression:
        return "none"
    return _Reader(expression).read() or "unknown"


def identifier_of(name: str) -> str | None:
    """The SPDX expression for a name as people write it; None if it is none that is known."""
    name = " ".join(name.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())[:200]
    without = re.sub(r" WITH [\w.-]+", "", name)
    spelled = [_SPELLED.get(_base(token)) for token in _TOKEN.findall(without) if token not in ("AND", "OR", "(", ")")]
    if spelled and all(spelled) and is_expression(name):
        return _SPELLED.get(name.lower(), name)
    if (
        len(parts := re.split(r" ?/ ?| (?:or|OR) (?!later|any|newer)", name)) == 2 and name.lower() not in _NAMES
    ):  # Cargo's older "MIT/Apache-2.0"
        both = [identifier_of(part) for part in parts]
        return " OR ".join(sorted(x for x in both if x)) if all(both) else None
    plain = re.sub(r"[,;]|\b(?:the|licen[cs]e|version)\b|\.$", " ", re.sub(r"\((?!l?a?gpl)[^)]{0,40}\)", " ", name.lower()))
    plain = re.sub(r"\bv(?=\d)", "", " ".join(plain.split()))
    found = _NAMES.get(plain) or _SPELLED.get(plain) or _SPELLED.get(plain.replace(" ", "-"))
    return found or _gnu(plain)


def _gnu(plain: str) -> str | None:
    found = _GNU.fullmatch(plain)
    if not found or not found[4]:
        return None
    affero, lesser, letter, number, more = found.groups()
    stem = "AGPL" if affero or letter == "a" else "LGPL" if lesser or letter == "l" else "GPL"
    number = number if "." in number else f"{number}.0"
    end = "" if not more else "-only" if "only" in more else "-or-later"
    return f"{stem}-{number}{end}" if _base(f"{stem}-{number}") in _KINDS else None


def _base(identifier: str) -> str:
    return re.sub(r"(?:-only|-or-later|\+)$", "", identifier.lower())


def _kind(identifier: str) -> str:
    found = _KINDS.get(_base(identifier))
    if found is None and re.match(r"CC-BY-(?:NC|ND)", identifier, re.IGNORECASE):
        return "restricted"
    return found or "unknown"


class _Reader:
    """Reads an expression to its kind; None for what is none. Nesting is bounded by the number of words."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._sound = 0 < len(self._tokens) <= _MOST_TOKENS and "".join(self._tokens) == "".join(text.split())
        self._at = 0

    def read(self) -> str | None:
        kind = self._choice() if self._sound else None
        return kind if self._at == len(self._tokens) else None

    def _choice(self) -> str | None:
        kinds = [self._all()]
        while self._next("or"):
            kinds.append(self._all())
        return None if None in kinds else min((k for k in kinds if k), key=_ORDER.index)

    def _all(self) -> str | None:
        kinds = [self._one()]
        while self._next("and"):
            kinds.append(self._one())
        return None if None in kinds else max((k for k in kinds if k), key=_ORDER.index)

    def _one(self) -> str | None:
        if self._next("("):
            kind = self._choice()
            return kind if self._next(")") else None
        if self._at == len(self._tokens) or self._tokens[self._at].lower() in ("and", "or", "with", ")"):
            return None
        kind = _kind(self._tokens[self._at])
        self._at += 1
        if self._next("with"):
            if self._at == len(self._tokens):
                return None
            exception = self._tokens[self._at].lower()
            self._at += 1
            if kind == "copyleft" and re.search(r"classpath|gcc|linking|bison|autoconf", exception):
                return "weak_copyleft"
        return kind

    def _next(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() == word:
            self._at += 1
            return True
        return False
