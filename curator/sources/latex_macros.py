r"""Expands an author's own macros: `\newcommand` and its kin, `\def`, `\let`, `\DeclareMathOperator`, `\newif`; `\if0 … \fi`,
by which authors take text out, goes.

Bounded by what is written and read, so that macros which call themselves, or double at every level, end soon: what is left is
then left as it stands. Not TeX: no other conditionals, no delimited arguments, no `\csname`; a definition counts from its place
on, also outside of its group.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from curator.sources.latex_tokens import PARAGRAPH

_DEFINES = ("newcommand", "renewcommand", "providecommand", "DeclareRobustCommand", "DeclareMathOperator", "NewDocumentCommand")
_TEX_DEFINES = ("def", "gdef", "edef", "xdef")
# What has a meaning for the renderer is not redefined by an author's version of it.
_KEPT = frozenset(
    [
        *("section", "subsection", "subsubsection", "paragraph", "subparagraph", "chapter", "part", "cite"),
        *("citet", "citep", "ref", "eqref", "label", "caption", "item", "footnote"),
        *("title", "author", "date", "abstract", "begin", "end", "bibliography", "thanks"),
        *("and", "maketitle", "includegraphics", "textbf", "textit", "emph", "url", "href"),
        *("sqrt", "frac", "left", "right", "input", "include"),
    ]
)
_NUMBERS = re.compile(r"([01])[ ]?([01]?)")  # `\if` compares two characters: true of `11`, and not of `0` and a line's end
_MOST_ARGUMENT = 20_000  # tokens
_MOST_MACROS = 20_000


@dataclass(frozen=True)
class Macro:
    arguments: int
    default: list[str] | None  # of an optional first argument
    body: list[str]


class Expander:
    """Expands tokens; definitions stay known, so that one that was read for the preamble serves for the body."""

    def __init__(self, most_tokens: int) -> None:
        self.macros: dict[str, Macro] = {}
        self.exhausted = False
        self._flags: dict[str, bool] = {"iffalse": False, "iftrue": True}
        self._budget = most_tokens

    def expand(self, found: Sequence[str]) -> list[str]:
        stack = list(reversed(found))
        out: list[str] = []
        while stack:
            token = stack.pop()
            if token[0] != "\\" or len(token) < 2:
                out.append(token)
                continue
            name = token[1:].rstrip("*")
            if name in _DEFINES:
                self._define(name, stack)
            elif name in _TEX_DEFINES:
                self._tex_define(stack)
            elif name == "let":
                self._let(stack)
            elif name == "newif":
                self._flags[stack.pop()[1:] if stack else ""] = False
            elif not self.exhausted and name in self._flags:
                self._branch(self._flags[name], stack)
            elif not self.exhausted and token == "\\if" and stack and (numbers := _NUMBERS.match(stack[-1])):
                stack.append(stack.pop()[numbers.end() :] or "\n")
                self._branch(numbers[1] == numbers[2], stack)
            elif name.endswith(("true", "false")) and f"if{name.removesuffix('true').removesuffix('false')}" in self._flags:
                self._flags[f"if{name.removesuffix('true').removesuffix('false')}"] = name.endswith("true")
            elif not self.exhausted and name in self.macros:
                self._call(self.macros[name], token, stack, out)
            else:
                out.append(token)
        return out

    # -------------------------------------------------------------------------------------------------------- definitions

    def _define(self, kind: str, stack: list[str]) -> None:
        name = self._name(stack)
        count, default = 0, None
        if kind == "DeclareMathOperator":
            body = self._argument(stack)
            body = None if body is None else ["\\operatorname", "{", *body, "}"]
        elif kind == "NewDocumentCommand":
            signature = "".join(self._argument(stack) or []).replace(" ", "")
            body = self._argument(stack)
            count = len(signature)
            body = body if set(signature) <= {"m"} else None
        else:
            number = self._optional(stack)
            if number is not None:
                count = int("".join(number)) if "".join(number).strip().isdecimal() and len(number) == 1 else 99
                default = self._optional(stack)
            body = self._argument(stack)
        if body is not None and count <= 9:
            self._keep(name, Macro(count, default, body))

    def _tex_define(self, stack: list[str]) -> None:
        name = stack.pop() if stack else ""
        parameters: list[str] = []
        while stack and stack[-1] != "{" and len(parameters) < 20:
            parameters.append(stack.pop())
        body = self._argument(stack)
        plain = [token for token in parameters if token.strip()]
        if body is not None and plain == [f"#{n}" for n in range(1, len(plain) + 1)]:
            self._keep(name, Macro(len(plain), None, body))

    def _let(self, stack: list[str]) -> None:
        name = stack.pop() if stack else ""
        while stack and stack[-1].strip() in ("", "="):
            stack.pop()
        other = stack.pop() if stack else ""
        if other.startswith("\\"):
            known = self.macros.get(other[1:])
            self._keep(name, known or Macro(0, None, [other]))

    def _keep(self, name: str, macro: Macro) -> None:
        """Take a macro over, unless it is made of LaTeX's own insides."""
        plain = name.removeprefix("\\").rstrip("*")
        inside = any("@" in token for token in macro.body if token[0] == "\\")
        if name.startswith("\\") and plain not in _KEPT and not inside and len(self.macros) < _MOST_MACROS:
            self.macros[plain] = macro

    # --------------------------------------------------------------------------------------------------------------- uses

    def _call(self, macro: Macro, token: str, stack: list[str], out: list[str]) -> None:
        given: list[list[str]] = []
        if macro.default is not None:
            given.append(self._optional(stack) or macro.default)
        while len(given) < macro.arguments:
            argument = self._argument(stack)
            if argument is None:
                break
            given.append(argument)
        result: list[str] = []
        for each in macro.body:
            if each[0] == "#" and each[1:].isdecimal():
                result += given[int(each[1:]) - 1] if int(each[1:]) <= len(given) else []
            else:
                result.append(each)
        self._budget -= len(result) + 1
        if self._budget < 0:
            self.exhausted = True
            out.append(token)
            return
        stack.extend(reversed(result))

    def _branch(self, taken: bool, stack: list[str]) -> None:
        r"""What stands up to `\else` or `\fi`, and between those."""
        parts: list[list[str]] = [[], []]
        depth, side, read = 0, 0, 0
        while stack and read < 10 * _MOST_ARGUMENT:
            token = stack.pop()
            read += 1
            if token.startswith("\\if") and token != "\\iff":
                depth += 1
            elif token == "\\fi":
                if not depth:
                    break
                depth -= 1
            elif token == "\\else" and not depth:
                side = 1
                continue
            parts[side].append(token)
        self._budget -= read
        self.exhausted = self.exhausted or self._budget < 0
        stack.extend(reversed(parts[0 if taken else 1]))

    # ---------------------------------------------------------------------------------------------------------- arguments

    def _name(self, stack: list[str]) -> str:
        r"""`\name` or `{\name}`."""
        found = self._argument(stack) or []
        return next((token for token in found if token.strip()), "")

    def _argument(self, stack: list[str]) -> list[str] | None:
        """The next group without its braces, or the next token; None if there is no end to it."""
        self._skip(stack)
        if not stack:
            return None
        token = stack.pop()
        if token != "{":
            if token[0] not in "\\$#\0" and len(token) > 1 and token != PARAGRAPH:
                stack.append(token[1:])
                token = token[0]
            return [token]
        return self._until("}", "{", stack)

    def _optional(self, stack: list[str]) -> list[str] | None:
        self._skip(stack)
        if not stack or stack[-1] != "[":
            return None
        stack.pop()
        found = self._until("]", "", stack)
        if found is None:
            stack.append("[")
        return found

    def _until(self, end: str, begin: str, stack: list[str]) -> list[str] | None:
        """Tokens up to `end`, which goes; if it is missing, everything is put back."""
        found: list[str] = []
        depth = 0
        while stack and len(found) < _MOST_ARGUMENT and self._budget > -_MOST_ARGUMENT:
            token = stack.pop()
            self._budget -= 1
            if token == end and not depth:
                return found
            depth += (token == "{") - (token == "}")
            if token == PARAGRAPH and not begin:
                stack.append(token)
                break
            found.append(token)
        stack.extend(reversed(found))
        self.exhausted = self.exhausted or self._budget < 0
        return None

    @staticmethod
    def _skip(stack: list[str]) -> None:
        while stack and not stack[-1].strip() and stack[-1] != PARAGRAPH:
            stack.pop()
