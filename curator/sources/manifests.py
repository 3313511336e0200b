"""The licence that a package's manifest states: package.json, Cargo.toml, pyproject.toml, setup.cfg, composer.json and more.

Fields: npm's `license` and older `licenses`; Cargo's `license`; PEP 639's `license` (a string), PEP 621's `license.text`,
Poetry's `license`, and trove classifiers; composer's `license` (a list is a choice); pom.xml's `<licenses>`; R's, Ruby's and
Haskell's one-line fields.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from typing import Any

import orjson

from curator.sources.licence_names import identifier_of

NAMES = ("package.json", "Cargo.toml", "pyproject.toml", "setup.cfg", "composer.json", "pom.xml", "DESCRIPTION")
MOST_BYTES = 256 << 10
_FIELD = re.compile(r"^[ \t]*(?:\w{1,10}\.)?licen[cs]e[ \t]*[:=][ \t]*['\"]?([^'\"\n#|]{2,100})", re.IGNORECASE | re.MULTILINE)
_POM = re.compile(r"<license>.{0,500}?<name>([^<]{2,100})</name>", re.DOTALL)
_TROVE = "License :: OSI Approved :: "


def is_manifest(path: str) -> bool:
    name = posixpath.basename(path)
    return name in NAMES or name.endswith((".gemspec", ".cabal", ".podspec"))


def licence_of(path: str, text: str) -> str | None:
    """The SPDX expression that a manifest states, None if it states none or none that is known."""
    name = posixpath.basename(path)
    try:
        if name in ("package.json", "composer.json"):
            return _of_json(orjson.loads(text))
        if name in ("Cargo.toml", "pyproject.toml"):
            return _of_toml(tomllib.loads(text))
    except (orjson.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return None
    found = (_POM if name == "pom.xml" else _FIELD).search(text)
    return identifier_of(found[1].split(" + file")[0].strip()) if found else None


def _of_json(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    stated = value.get("license") or value.get("licenses")
    return _choice(stated if isinstance(stated, list) else [stated])


def _of_toml(value: dict[str, Any]) -> str | None:
    tables = [value.get("package"), value.get("project"), _table(value.get("tool")).get("poetry")]
    for table in map(_table, tables):
        stated = table.get("license")
        stated = stated.get("text") if isinstance(stated, dict) else stated
        if isinstance(stated, str) and (found := identifier_of(stated)):
            return found
        classifiers = table.get("classifiers")
        if isinstance(classifiers, list):
            named = [x.removeprefix(_TROVE) for x in classifiers if isinstance(x, str) and x.startswith(_TROVE)]
            if found := _choice(named):
                return found
    return None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _choice(stated: list[Any]) -> str | None:
    names = [each.get("type") or each.get("name") if isinstance(each, dict) else each for each in stated[:10]]
    found = {identifier_of(name) for name in names if isinstance(name, str)} - {None}
    return " OR ".join(sorted(x for x in found if x)) or None
