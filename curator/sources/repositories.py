"""The files of a repository joined into documents, in an order that is the same every time.

READMEs of the top folder stand first. `order: path` goes on by path; `order: dependencies` puts a file behind those that it
imports, as DeepSeek-Coder did (arXiv 2401.14196, algorithm 1: by in-degree, cycles broken where the fewest imports are open;
here ties are broken by path). Only imports that name a file of the repository count: Python, C and C++, JavaScript and
TypeScript, Java and Kotlin, Go, Rust, Ruby, PHP, Lua, Dart.
"""

from __future__ import annotations

import heapq
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_README = re.compile(r"readme(?:\.\w+)?", re.IGNORECASE)
_MOST_IMPORTS = 300  # of one file
_HEAD_CHARS = 60_000
_PYTHON = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.{0,8}[\w.]*)[ \t]+import[ \t]+\(?([\w, \t]{0,300})|import[ \t]+([\w., \t]{1,300}))", re.M
)
_QUOTED = {
    "C": re.compile(r'^[ \t]*#[ \t]*include[ \t]+["<]([^">\n]{1,200})[">]', re.M),
    "JavaScript": re.compile(r"""(?:\bfrom|\bimport|\brequire\()[ \t]*['"](\.{1,2}/[^'"\n]{1,200})['"]"""),
    "Java": re.compile(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]{3,200})", re.M),
    "Rust": re.compile(r"^[ \t]*(?:pub[ \t]+)?mod[ \t]+(\w{1,60});", re.M),
    "Ruby": re.compile(r"""^[ \t]*require(?:_relative)?[ \t(]+['"]([\w./-]{1,200})['"]""", re.M),
    "PHP": re.compile(r"""\b(?:require|include)(?:_once)?[ \t(]+(?:__DIR__[ \t]*\.[ \t]*)?['"]/?([\w./-]{1,200})['"]"""),
    "Lua": re.compile(r"""\brequire[ \t(]+['"]([\w./-]{1,200})['"]"""),
    "Dart": re.compile(r"""^[ \t]*(?:import|part|export)[ \t]+['"]([\w./:-]{1,200})['"]""", re.M),
}
_READS = {"C++": "C", "Objective-C": "C", "Cuda": "C", "TypeScript": "JavaScript", "Vue": "JavaScript", "Svelte": "JavaScript"}
_READS |= {"Kotlin": "Java", "Scala": "Java", "Groovy": "Java"}
_ENDINGS = {
    "JavaScript": ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".vue", ".svelte", "/index.ts", "/index.tsx", "/index.js"),
    "Ruby": ("", ".rb"),
    "PHP": ("",),
    "Dart": ("",),
    "C": ("",),
}


@dataclass(frozen=True)
class Entry:
    """A file of a repository: its path in it, its text, and what the source knows of it."""

    path: str
    text: str
    language: str | None
    row: Mapping[str, Any]


def in_order(entries: Sequence[Entry], order: str) -> list[Entry]:
    by_path = sorted(entries, key=lambda entry: (not _is_readme(entry.path), entry.path))
    return by_path if order == "path" else _imported_first(by_path)


def portions(entries: Sequence[Entry], most_chars: int, overhead: int) -> Iterator[list[Entry]]:
    """Runs of at most `most_chars` characters, `overhead` being counted for each file; a longer file stands alone."""
    held: list[Entry] = []
    size = 0
    for entry in entries:
        cost = len(entry.text) + len(entry.path) + overhead
        if held and size + cost > most_chars:
            yield held
            held, size = [], 0
        held.append(entry)
        size += cost
    if held:
        yield held


def _is_readme(path: str) -> bool:
    return "/" not in path and _README.fullmatch(path) is not None


def _imported_first(by_path: list[Entry]) -> list[Entry]:
    index = _Index([entry.path for entry in by_path])
    needs: list[set[int]] = []
    for number, entry in enumerate(by_path):
        found = index.imports(entry) if not _is_readme(entry.path) else set()
        needs.append({other for other in found if other != number and not _is_readme(by_path[other].path)})
    wanted: list[list[int]] = [[] for _ in by_path]
    for number, others in enumerate(needs):
        for other in others:
            wanted[other].append(number)
    open_ = [len(others) for others in needs]
    queue = [(open_[number], number) for number in range(len(by_path))]
    heapq.heapify(queue)
    done = [False] * len(by_path)
    out: list[Entry] = []
    while queue:
        count, number = heapq.heappop(queue)
        if done[number] or count != open_[number]:
            continue
        done[number] = True
        out.append(by_path[number])
        for other in wanted[number]:
            if not done[other]:
                open_[other] -= 1
                heapq.heappush(queue, (open_[other], other))
    return out


class _Index:
    """Finds the file that an import names."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = {path: number for number, path in enumerate(paths)}
        self._ends: dict[str, int] = {}  # the last two and three parts of a path, where only one file has them
        for path, number in self._paths.items():
            parts = path.split("/")
            for length in (1, 2, 3, 4):
                if len(parts) >= length:
                    end = "/".join(parts[-length:])
                    self._ends[end] = number if end not in self._ends else -1

    def imports(self, entry: Entry) -> set[int]:
        language = _READS.get(entry.language or "", entry.language or "")
        head = entry.text[:_HEAD_CHARS]
        folder = posixpath.dirname(entry.path)
        if language == "Python":
            names = (name for match in _PYTHON.finditer(head) for name in _python_names(match))
            found = (self._module(name, folder) for name in names)
        elif language == "Go":
            found = iter(())  # its imports are packages: folders, whose files have no order
        elif pattern := _QUOTED.get(language):
            found = (self._named(match[1], folder, language) for match in pattern.finditer(head))
        else:
            return set()
        return {number for number, _ in zip(found, range(_MOST_IMPORTS)) if number >= 0}

    def _module(self, name: str, folder: str) -> int:
        """A dotted name, relative to a folder if it begins with dots."""
        dots = len(name) - len(name.lstrip("."))
        path = name[dots:].replace(".", "/")
        if dots:
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            path = posixpath.join(folder, path) if path else folder
            return self._first([f"{path}.py", f"{path}/__init__.py"], self._paths)
        near = posixpath.join(folder, path)
        found = self._first(
            [f"{near}.py", f"{path}.py", f"{path}/__init__.py", f"src/{path}.py", f"lib/{path}.py"], self._paths
        )
        return found if found >= 0 or "/" not in path else self._first([f"{path}.py", f"{path}/__init__.py"], self._ends)

    def _named(self, name: str, folder: str, language: str) -> int:
        if language == "Java":
            path = name.replace(".", "/")
            return self._first([f"{path}.java", f"{path}.kt", f"{path}.scala", *_tails(path, (".java", ".kt"))], self._ends)
        if language == "Rust":
            return self._first([posixpath.join(folder, f"{name}.rs"), posixpath.join(folder, name, "mod.rs")], self._paths)
        if language == "Lua":
            paths = [f"{name.replace('.', '/')}.lua"]
            return max(self._first(paths, self._paths), self._first(paths, self._ends))
        endings = _ENDINGS[language]
        near = posixpath.normpath(posixpath.join(folder, name))
        found = self._first([near + ending for ending in endings], self._paths)
        return found if found >= 0 or language == "JavaScript" else self._first([name + e for e in endings], self._ends)

    @staticmethod
    def _first(paths: Sequence[str], among: Mapping[str, int]) -> int:
        return next((among[path] for path in paths if among.get(path, -1) >= 0), -1)


def _python_names(match: re.Match[str]) -> Iterator[str]:
    if match[3] is not None:
        for part in match[3].split(","):
            yield part.split()[0] if part.split() else ""
        return
    yield match[1]
    for part in (match[2] or "").split(","):
        if part.split():
            yield f"{match[1]}{'' if match[1].endswith('.') else '.'}{part.split()[0]}"


def _tails(path: str, endings: Sequence[str]) -> list[str]:
    parts = path.split("/")
    return [f"{'/'.join(parts[-length:])}{ending}" for length in (4, 3, 2) if len(parts) >= length for ending in endings]
