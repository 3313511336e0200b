"""Templates: text with fields in braces (`问：{question}`), filled from a record. Nothing in one is ever executed.

A field is a key, or a path with dots into objects and lists (`answers.text`, `messages.0.content`); of a list, where no number
says which, the first item counts. Braces themselves are doubled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

MOST_FIELDS = 100
_PART = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")


@dataclass(frozen=True)
class Template:
    literals: tuple[str, ...]  # one more than there are fields
    fields: tuple[str, ...]

    @staticmethod
    def parse(text: str) -> Template:
        """Raises ValueError for braces that are not in pairs, and for text without a field."""
        literals, fields, at = [""], [], 0
        for part in _PART.finditer(text):
            literals[-1] += text[at : part.start()]
            at = part.end()
            if part[0] in ("{{", "}}"):
                literals[-1] += part[0][0]
            elif part[1] is None or not part[1].strip(" ."):
                raise ValueError(f"{text[:60]!r} has a brace that names no field; braces themselves are doubled: {{{{ }}}}")
            else:
                fields.append(part[1].strip())
                literals.append("")
        literals[-1] += text[at:]
        if not 0 < len(fields) <= MOST_FIELDS:
            raise ValueError(
                f"{text[:60]!r} names {len(fields) or 'no'} fields; a template has 1 to {MOST_FIELDS}, as {{name}}"
            )
        return Template(tuple(literals), tuple(fields))

    def missing(self, record: dict[str, Any]) -> str | None:
        """The first field that is not there, or empty."""
        return next((name for name in self.fields if not value(record, name)), None)

    def render(self, record: dict[str, Any]) -> str:
        found = [value(record, name) for name in self.fields]
        return "".join(part for pair in zip(self.literals, [*found, ""]) for part in pair)


def value(record: Any, name: str) -> str:
    """A field as text, without space around it; empty if it is missing or no text: a number is written as JSON does."""
    if isinstance(record, dict) and name in record:
        return _written(record[name])
    holder = record
    for key in name.split("."):
        if isinstance(holder, list):
            if key.isdecimal() and len(key) < 9:
                holder = holder[int(key)] if int(key) < len(holder) else None
                continue
            holder = holder[0] if holder else None
        holder = holder.get(key) if isinstance(holder, dict) else None
    return _written(holder)


def _written(found: Any) -> str:
    if isinstance(found, list):
        found = found[0] if found else None
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return str(found)
    return found.strip() if isinstance(found, str) else ""
