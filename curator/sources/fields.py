"""Values in a JSON object by name: a key, or a path of keys with dots (`meta.url`).

A path goes into objects, also into one that was written as a string of JSON (RedPajama's `meta`), and, for a text, into each
object of a list (MNBVC's `段落.内容`: one line an item). A key that has dots itself comes before a path.
"""

from __future__ import annotations

from typing import Any

import orjson

SEPARATOR = "\n\n"  # between the fields that make one text
NAMED = 20  # keys that a message names


def take(fields: dict[str, Any], name: str, kind: type) -> Any:
    """Take a value out; None, and nothing taken, if it is not of this kind."""
    holder, key = _holder(fields, name)
    value = holder.get(key) if isinstance(holder, dict) else None
    if value is None or not isinstance(value, kind):
        return None
    del holder[key]
    return value


def take_text(fields: dict[str, Any], name: str) -> str | None:
    """`take` of a string, or of the strings that the objects of a list have under this name, a line each."""
    holder, key = _holder(fields, name)
    if not isinstance(holder, list):
        return take(fields, name, str)
    items = [item for item in holder if isinstance(item, dict) and isinstance(item.get(key), str)]
    return "\n".join(item.pop(key) for item in items) if items else None


def join_text(texts: list[str | None]) -> str | None:
    """Several fields as one text, without those that are missing or empty; None if all are."""
    found = [text for text in texts if text and not text.isspace()]
    return SEPARATOR.join(found) if found else None


def no_text(fields: dict[str, Any], name: str) -> tuple[str, str]:
    """Kind and message of the error for an object without its text."""
    value = take(fields, name, object)
    if value is None:
        return "no_text", f"no field {name!r}, or null; there are: {named(fields)}"
    return "text_not_string", f"field {name!r} is of type {type(value).__name__}"


def named(fields: dict[str, Any]) -> str:
    return ", ".join(map(repr, list(fields)[:NAMED]))


def _holder(fields: dict[str, Any], name: str) -> tuple[Any, str]:
    """The object (or list of objects) that has the last key of a path, and that key."""
    if name in fields:
        return fields, name
    *path, last = name.split(".")
    holder: Any = fields
    for key in path:
        if not isinstance(holder, dict):
            return None, last
        below = holder.get(key)
        if isinstance(below, str) and below.lstrip()[:1] == "{":
            try:
                below = holder[key] = orjson.loads(below)
            except orjson.JSONDecodeError:
                return None, last
        holder = below
    return holder, last
