r"""LaTeX source to tokens: control words (`\section`), control symbols (`\%`), `\begin{…}` and `\end{…}` whole, braces, `$`,
runs of text, blank lines; comments are gone, and what stands verbatim is one token. Linear, whatever the source is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

PARAGRAPH = "\n\n"
VERBATIM = "\0"  # begins a token that holds verbatim text; another stands between its environment's name and the text

_TOKEN = re.compile(
    r"\\(?:begin|end)[ \t]*\{[A-Za-z@*0-9_-]{1,40}\}"
    r"|\\[A-Za-z@]+\*?|\\(?:[^A-Za-z@]|$)"
    r"|\n[ \t]*\n\s*|\n[ \t]*"
    r"|%[^\n]*(?:\n(?![ \t]*\n)[ \t]*)?"
    r"|\$\$?|#+[1-9]?|[{}\[\]&~]"
    r"|[^\\{}$&~%\[\]#\n]+",
    re.DOTALL,
)
_PRIVATE = re.compile("[\0\ue000-\ue00f]")  # marks of our own
_AFTER_WORD = re.compile(r"[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?")
_DROPPED = ("comment", "filecontents", "filecontents*")
_VERBATIM = ("verbatim", "verbatim*", "Verbatim", "lstlisting", "minted", "alltt", "spverbatim", *_DROPPED)
_DEEPEST = 20  # files inside of files
_MOST_TIMES = 20  # that one file is put in
_INPUTS = ("input", "include", "subfile", "subfileinclude", "import", "subimport", "InputIfFileExists")
_VERB = re.compile(r"(?:\[[^\]\n]{0,200}\])?([^A-Za-z\s*])(.{0,2000}?)\1")
_OPTIONS = re.compile(r"(?:\[[^\]]{0,1000}\])?")


def tokens(source: str) -> list[str]:
    """Tokens of a source. A control word swallows the blanks behind it, as TeX does; a comment its line's end."""
    source = _PRIVATE.sub("", source).replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", PARAGRAPH)
    out: list[str] = []
    at = 0
    endless: set[str] = set()
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:  # nothing that the pattern leaves out is known
            at += 1
            continue
        token, at = match[0], match.end()
        first = token[0]
        if first == "%":
            continue
        if first == "\n":
            out.append(PARAGRAPH if token.count("\n") > 1 else "\n")
            continue
        if first != "\\":
            out.append(token)
            continue
        if token.startswith("\\begin"):
            token = "\\begin" + token[6:].lstrip()
            name = token[7:-1]
            if name in _VERBATIM and name not in endless:
                end = source.find(f"\\end{{{name}}}", at)
                if end < 0:
                    endless.add(name)
                else:
                    if name not in _DROPPED:
                        out.append(f"{VERBATIM}{name}{VERBATIM}{_without_options(source[at:end], name)}")
                    at = end + len(name) + 6
                    continue
        elif token.startswith("\\end") and token.endswith("}"):
            token = "\\end" + token[4:].lstrip()
        elif token in ("\\verb", "\\verb*", "\\lstinline"):
            if verb := _VERB.match(source, at):
                out.append(f"{VERBATIM}{VERBATIM}{verb[2]}")
                at = verb.end()
                continue
        elif token[-1].isalpha() or token[-1] == "*":
            blanks = _AFTER_WORD.match(source, at)
            at = blanks.end() if blanks else at
        out.append(token)
    return out


def _without_options(text: str, name: str) -> str:
    options = _OPTIONS.match(text)
    text = text[options.end() :] if options else text
    if name == "minted" and text.startswith("{"):
        text = text.partition("}")[2]
    return text.strip("\n") + "\n"


def source_of(found: Sequence[str]) -> str:
    """LaTeX again; a blank parts a control word from what follows."""
    return "".join(_spaced(found))


def _spaced(found: Sequence[str]) -> Iterator[str]:
    before = ""
    for token in found:
        text = _verbatim_source(token) if token.startswith(VERBATIM) else token
        if before[:1] == "\\" and before[-1:].isalpha() and _parts_from_word(text):
            yield " "
        yield text
        before = text or before


def _parts_from_word(text: str) -> bool:
    return text[:1].isalpha() or (text[:1] == "\\" and text[1:2].isalpha() and not text.startswith(("\\begin{", "\\end{")))


def _verbatim_source(token: str) -> str:
    _, name, text = token.split(VERBATIM, 2)
    if name:
        return f"\\begin{{{name}}}\n{text}\\end{{{name}}}"
    mark = next((mark for mark in "|+!/=;:" if mark not in text), "|")
    return f"\\verb{mark}{text}{mark}"


def inlined(found: Sequence[str], file: Callable[[str], str | None], most_tokens: int) -> list[str]:
    r"""Tokens with those of the files that `\input`, `\include`, `\subfile` and `\import` name in their place.

    `file` gives a file's source by its name, None if there is none. Files inside of files end at a depth, and nothing is read
    beyond `most_tokens`. Of a file that is a document itself (`subfiles`, `standalone`) its body stands in the place.
    """
    out: list[str] = []
    begun = False  # the document that names them
    stack: list[tuple[Sequence[str], int]] = [(found, 0)]
    times: dict[str, int] = {}
    read = 2 * most_tokens  # tokens of files, and a thousand for each file
    while stack and len(out) < most_tokens:
        current, at = stack.pop()
        if at == len(current):
            continue
        token = current[at]
        at += 1
        if token[0] != "\\" or token[1:] not in _INPUTS:
            end = next((place for place in range(at, len(current)) if current[place][1:] in _INPUTS), len(current))
            begun = begun or _BEGIN in current[at - 1 : end]
            out += current[at - 1 : end]
            stack.append((current, end))
            continue
        name, at, rest = _input_name(current, at, token[1:])
        times[name] = times.get(name, 0) + 1
        source = file(name) if name and len(stack) < _DEEPEST and read > 0 and times[name] <= _MOST_TIMES else None
        stack.append((current, at))
        stack += [([rest], 0)] if rest else []
        if source is not None:
            inner = tokens(source)
            read -= len(inner) + 1000
            stack.append((_body(inner) if begun else inner, 0))
    return out[:most_tokens]


_BEGIN, _END = "\\begin{document}", "\\end{document}"


def _body(found: list[str]) -> list[str]:
    """What stands between `\\begin{document}` and its end: there the document that names the file would end, too."""
    if _BEGIN not in found:
        return found
    start = found.index(_BEGIN) + 1
    return found[start : found.index(_END, start)] if _END in found[start:] else found[start:]


def _input_name(found: Sequence[str], at: int, command: str) -> tuple[str, int, str]:
    """(the name behind `\\input`, in braces or (plain TeX) up to a blank; what follows; the rest of the name's token)."""
    parts, rest = [], ""
    for _ in range(2 if command in ("import", "subimport") else 1):
        while at < len(found) and found[at] == "\n":
            at += 1
        if at < len(found) and found[at] == "{":
            end = next((place for place in range(at, min(at + 40, len(found))) if found[place] == "}"), -1)
            if end < 0:
                return "", at, ""
            parts.append("".join(found[at + 1 : end]).strip())
            at = end + 1
        elif at < len(found) and found[at][:1].isalnum() and command == "input":
            name, blank, rest = found[at].partition(" ")
            parts.append(name)
            rest = blank + rest
            at += 1
    return "/".join(parts), at, rest


def groups(found: Sequence[str]) -> list[int]:
    r"""For each `{` its `}`, for each `\begin{x}` its `\end{x}`, by index; -1 where there is none, and for all other tokens."""
    ends = [-1] * len(found)
    braces: list[int] = []
    environments: list[tuple[str, int]] = []
    open_: dict[str, int] = {}
    for at, token in enumerate(found):
        if token == "{":
            braces.append(at)
        elif token == "}":
            if braces:
                ends[braces.pop()] = at
        elif token.startswith("\\begin{"):
            name = token[7:-1]
            environments.append((name, at))
            open_[name] = open_.get(name, 0) + 1
        elif token.startswith("\\end{") and open_.get(name := token[5:-1], 0):
            while environments:  # those inside that were never ended are left open
                inner, start = environments.pop()
                open_[inner] -= 1
                if inner == name:
                    ends[start] = at
                    break
    return ends
