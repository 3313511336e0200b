"""Jupyter notebooks to text: nbformat 4 and 3, cells in order, outputs bounded or left out.

Three forms: `markdown` (Markdown cells as they are, code fenced), `script` (code as it is, Markdown as comments: what StarCoder
made of notebooks with Jupytext) and `structured` (StarCoder's `<jupyter_text>`, `<jupyter_code>`, `<jupyter_output>` before
each part, arXiv 2305.06161 §3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson

from curator.sources.parsing import parse

Form = Literal["markdown", "script", "structured"]
_ESCAPES = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_EMBEDDED = re.compile(r"\(data:[a-z]+/[\w.+-]+;base64,[^()]*+\)|\(attachment:[^)]{0,200}\)")
_SLASHES = ("javascript", "typescript", "scala", "java", "rust", "go", "c++", "c#", "kotlin", "swift")
_COMMENTS = dict.fromkeys(_SLASHES, "//") | {"matlab": "%", "octave": "%", "haskell": "--", "sql": "--", "lua": "--"}
_MOST_CELLS = 100_000


class NotebookError(ValueError):
    """Not a notebook: no JSON, or no cells."""


class Cell(NamedTuple):
    kind: Literal["text", "code"]
    text: str
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notebook:
    cells: tuple[Cell, ...]
    language: str | None  # of the kernel
    replaced: int = 0  # characters U+FFFD that stand for lone surrogates


def read_notebook(data: str | bytes) -> Notebook:
    """The cells that hold something. Raises NotebookError."""
    try:
        value, replaced = parse(data)
    except orjson.JSONDecodeError as error:
        raise NotebookError(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise NotebookError("no JSON object")
    sheets = value.get("worksheets")
    lists = [value.get("cells")] if "cells" in value else [_table(s).get("cells") for s in _list(sheets)]
    if not any(isinstance(cells, list) for cells in lists):
        raise NotebookError("neither cells nor worksheets")
    raw = [_table(cell) for cells in lists for cell in _list(cells)][:_MOST_CELLS]
    cells = tuple(cell for each in raw if (cell := _cell(each)).text.strip() or cell.outputs)
    return Notebook(cells, _language(_table(value.get("metadata")), raw), replaced)


def render(notebook: Notebook, form: Form = "markdown", output_chars: int = 0) -> str:
    """The notebook as text. Of each cell's outputs at most `output_chars` characters are kept, cut at a line; 0 keeps none."""
    language = notebook.language or ""
    if form == "structured":
        return "<jupyter_start>" + "".join(_structured(notebook, output_chars))
    write = _script if form == "script" else _markdown
    return "\n\n".join(part for cell in notebook.cells if (part := write(cell, language, output_chars)).strip()) + "\n"


def _markdown(cell: Cell, language: str, output_chars: int) -> str:
    if cell.kind == "text":
        return cell.text.strip("\n")
    parts = [_fenced(cell.text, language)] if cell.text.strip() else []
    if output := _bounded(cell.outputs, output_chars):
        parts.append(_fenced(output, ""))
    return "\n\n".join(parts)


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


def _script(cell: Cell, language: str, output_chars: int) -> str:
    mark = _COMMENTS.get(language, "#")
    if cell.kind == "code":
        output = _bounded(cell.outputs, output_chars)
        return "\n".join(part for part in (cell.text.strip("\n"), _commented(output, mark) if output else "") if part)
    return _commented(cell.text.strip("\n"), mark)


def _commented(text: str, mark: str) -> str:
    return "\n".join(f"{mark} {line}".rstrip() for line in text.split("\n"))


def _structured(notebook: Notebook, output_chars: int) -> Iterator[str]:
    for cell in notebook.cells:
        yield f"<jupyter_{cell.kind}>{cell.text.strip(chr(10))}"
        if output := _bounded(cell.outputs, output_chars):
            yield f"<jupyter_output>{output}"


def _bounded(outputs: tuple[str, ...], most: int) -> str:
    text = "\n".join(outputs).strip("\n") if most else ""
    if len(text) <= most:
        return text
    return text[: max(text.rfind("\n", 0, most), 0)] or text[:most]


# -------------------------------------------------------------------------------------------------------------- reading


def _cell(cell: Mapping[str, Any]) -> Cell:
    source = _joined(cell.get("source", cell.get("input")))
    match cell.get("cell_type"):
        case "code":
            return Cell("code", source, tuple(x for each in _list(cell.get("outputs")) if (x := _output(_table(each))).strip()))
        case "heading":  # nbformat 3
            level = cell.get("level")
            return Cell(
                "text", f"{'#' * (level if isinstance(level, int) and 1 <= level <= 6 else 1)} {' '.join(source.split())}"
            )
        case _:
            return Cell("text", _EMBEDDED.sub("()", source))


def _output(output: Mapping[str, Any]) -> str:
    """What an output shows as text: streams, results, errors by their last line; pictures and HTML show none."""
    if output.get("output_type") in ("error", "pyerr"):
        return f"{output.get('ename', '')}: {output.get('evalue', '')}"[:1000]
    data = output.get("data")
    text = _joined(_table(data).get("text/plain")) if isinstance(data, dict) else _joined(output.get("text"))
    return _ESCAPES.sub("", text).rstrip()


def _language(metadata: Mapping[str, Any], cells: list[Mapping[str, Any]]) -> str | None:
    told = (
        _table(metadata.get("language_info")).get("name"),
        _table(metadata.get("kernelspec")).get("language"),
        metadata.get("language"),
        next((cell["language"] for cell in cells if isinstance(cell.get("language"), str)), None),
        re.sub(r"\d.*$", "", str(_table(metadata.get("kernelspec")).get("name") or "")),
    )
    found = next((name for name in told if isinstance(name, str) and re.fullmatch(r"[\w+#.-]{1,30}", name)), None)
    return {"ir": "r"}.get(found.lower(), found.lower()) if found else None


def _joined(source: Any) -> str:
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source.replace("\r\n", "\n") if isinstance(source, str) else ""


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
