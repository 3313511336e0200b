"""Licences told by their whole text: how many of a licence's word triples a text holds.

Words as the SPDX matching guidelines want them compared (case, punctuation, line breaks and comment marks do not count);
filled-in names and years break a few triples, so `ENOUGH` of them is asked for, and near relatives (BSD with two, three or
four clauses) are told apart by the words in which they differ. Of each licence at most some 200 triples are kept, those whose
hash is divisible by a power of two: a sample that is the same in every text. They lie in `licence_texts.json`, which is made
of the SPDX License List (the texts of the npm package `spdx-license-list`) by

    python -m curator.sources.licence_texts FOLDER-OF-ITS-JSON-FILES
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson
import xxhash

ENOUGH = 0.8  # of a licence's triples
ALIKE = 0.35  # licences that share as many are one family, of which a text holds one
SAMPLE = 200  # triples of a licence that are kept, at most
MOST_CHARS = 400_000
DATA = Path(__file__).with_suffix(".json")
_WORDS = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]")

LICENCES = """
0BSD AFL-3.0 AGPL-1.0 AGPL-3.0 Apache-1.0 Apache-1.1 Apache-2.0 Artistic-1.0 Artistic-1.0-Perl Artistic-2.0 BSD-1-Clause
BSD-2-Clause BSD-2-Clause-Patent BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 BUSL-1.1 BlueOak-1.0.0 CC-BY-3.0
CC-BY-4.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-ND-3.0
CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CDDL-1.1 CECILL-2.0 CECILL-2.1 CECILL-B CECILL-C CPAL-1.0 CPL-1.0
ECL-2.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 Elastic-2.0 FSL-1.1-ALv2 FSL-1.1-MIT FTL GFDL-1.2 GFDL-1.3 GPL-1.0 GPL-2.0 GPL-3.0
HPND ISC JSON LGPL-2.0 LGPL-2.1 LGPL-3.0 LPPL-1.3c MIT MIT-0 MPL-1.1 MPL-2.0 MS-PL MS-RL MulanPSL-1.0 MulanPSL-2.0 NCSA
NPOSL-3.0 ODC-By-1.0 ODbL-1.0 OFL-1.1 OSL-3.0 OpenSSL PHP-3.01 PSF-2.0 PolyForm-Noncommercial-1.0.0
PolyForm-Small-Business-1.0.0 PostgreSQL Python-2.0 QPL-1.0 RPL-1.5 Ruby SSPL-1.0 SUL-1.0 Sleepycat UPL-1.0 Unlicense Vim
W3C WTFPL X11 ZPL-2.1 Zlib bzip2-1.0.6 curl libpng-2.0
"""

# What a text of the licence must and must not say: (needed, forbidden), as words.
_DIFFERENCES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "BSD-1-Clause": ((), ("redistributions in binary form",)),
    "BSD-2-Clause": (("redistributions in binary form",), ("endorse or promote", "advertising materials")),
    "BSD-2-Clause-Patent": (("patent license",), ()),
    "BSD-3-Clause": (("endorse or promote",), ("advertising materials", "no express or implied licenses to any party")),
    "BSD-3-Clause-Clear": (("no express or implied licenses to any party",), ()),
    "BSD-4-Clause": (("advertising materials",), ()),
    "MIT": (("above copyright notice",), ("good not evil", "except as contained in this notice")),
    "MIT-0": ((), ("subject to the following conditions", "above copyright notice")),
    "X11": (("except as contained in this notice",), ()),
    "JSON": (("good not evil",), ()),
    "ISC": (("above copyright notice",), ()),
    "0BSD": ((), ("above copyright notice",)),
    "Sleepycat": (("complete source code for the db software",), ()),
    "OpenSSL": (("openssl toolkit",), ()),
    "PHP-3.01": (("php license",), ()),
    "Apache-1.0": (("apache",), ()),
    "curl": (("except as contained in this notice",), ()),
    "PostgreSQL": (("without a written agreement",), ()),
}


@dataclass(frozen=True)
class Licence:
    identifier: str
    every: int  # a triple is kept if its hash is divisible by this
    triples: frozenset[int]


def of_text(text: str) -> list[str]:
    """Identifiers of the licences whose texts these characters hold, in the order in which they stand."""
    words = words_of(text[:MOST_CHARS])
    places: dict[int, int] = {}
    for place, triple in enumerate(_triples(words)):
        places.setdefault(triple, place)
    plain = " ".join(words)
    found: list[tuple[float, int, Licence]] = []
    for licence in known():
        share = sum(triple in places for triple in licence.triples) / len(licence.triples)
        if share >= ENOUGH and _differs(licence.identifier, plain):
            found.append((share, len(licence.triples) * licence.every, licence))
    chosen: list[Licence] = []
    for _, _, licence in sorted(found, key=lambda each: (-each[0], -each[1], each[2].identifier)):
        if not any(likeness(licence, other) >= ALIKE for other in chosen):
            chosen.append(licence)
    if any(licence.identifier == "LGPL-3.0" for licence in chosen):  # it is an addition to the GPL, which may stand below it
        chosen = [licence for licence in chosen if licence.identifier != "GPL-3.0"]
    first = {each: sorted(places[t] for t in each.triples if t in places)[len(each.triples) // 8] for each in chosen}
    return [licence.identifier for licence in sorted(chosen, key=lambda each: (first[each], each.identifier))]


def words_of(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def likeness(one: Licence, other: Licence) -> float:
    """The share of the shorter one's triples that the other has too."""
    every = max(one.every, other.every)
    mine = {triple for triple in one.triples if triple % every == 0}
    theirs = {triple for triple in other.triples if triple % every == 0}
    return len(mine & theirs) / max(min(len(mine), len(theirs)), 1)


def _triples(words: Sequence[str]) -> Iterator[int]:
    return (xxhash.xxh32_intdigest(" ".join(words[at : at + 3])) for at in range(len(words) - 2))


def _differs(identifier: str, plain: str) -> bool:
    needed, forbidden = _DIFFERENCES.get(identifier, ((), ()))
    return all(phrase in plain for phrase in needed) and not any(phrase in plain for phrase in forbidden)


@cache
def known() -> tuple[Licence, ...]:
    data = orjson.loads(DATA.read_bytes())
    return tuple(
        Licence(
            name, each["every"], frozenset(int(each["triples"][at : at + 8], 16) for at in range(0, len(each["triples"]), 8))
        )
        for name, each in data["licences"].items()
    )


# --------------------------------------------------------------------------------------------------------------- making


def sampled(text: str) -> tuple[int, list[int]]:
    """Every how many of a text's triples are kept, and those."""
    all_of_them = set(_triples(words_of(text)))
    every = 1
    while sum(triple % every == 0 for triple in all_of_them) > SAMPLE:
        every *= 2
    return every, sorted(triple for triple in all_of_them if triple % every == 0)


def main(folder: str) -> None:
    found = {}
    for name in sorted(LICENCES.split()):
        path = next(p for n in (name, f"{name}-only") if (p := Path(folder) / f"{n}.json").exists())
        text: str = orjson.loads(path.read_bytes())["licenseText"]
        if name == "LGPL-3.0":
            text = text[: text.index("GNU GENERAL PUBLIC LICENSE\n", 2000)]
        every, triples = sampled(text)
        found[name] = {"every": every, "triples": "".join(f"{triple:08x}" for triple in triples)}
    DATA.write_bytes(orjson.dumps({"source": "SPDX License List", "licences": found}, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
