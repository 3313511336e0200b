"""Strict YAML 1.2 to frozen dataclasses, with errors that name file and line: the only door to YAML.

Why not PyYAML: it reads `no` as False and `1e-3` as a string, and takes the last of two equal keys. Here a key that stands
twice, an alias (the way a small file becomes a huge one), an unknown option or a value of another type each stop with
`file:line`.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, TypeVar, Union

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from curator import storage
from curator.errors import nearest

C = TypeVar("C")

MOST_BYTES = 4 << 20
MOST_DEPTH = 32
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class ConfigError(Exception):
    """A slip in a YAML file: `pipelines/cc_zh.yaml:16: no stage 'extarct'. Did you mean 'extract'?`"""

    def __init__(self, message: str, path: str, line: int | None = None) -> None:
        self.message, self.path, self.line = message, path, line
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")


class Section(dict[str, Any]):
    """A YAML mapping that remembers where its keys stand."""

    def __init__(self, path: str, at: int | None) -> None:
        super().__init__()
        self.path, self.at = path, at
        self.lines: dict[str, int] = {}

    def line(self, key: str | None = None) -> int | None:
        """The line of a key, or of the mapping itself."""
        return self.lines.get(key, self.at) if key is not None else self.at

    def error(self, message: str, key: str | None = None) -> ConfigError:
        return ConfigError(message, self.path, self.line(key))

    def plain(self) -> dict[str, Any]:
        """Ordinary dicts and lists, for a fingerprint or a file."""
        return {k: v.plain() if isinstance(v, Section | Items) else v for k, v in self.items()}


class Items(list[Any]):
    """A YAML sequence that remembers where its items stand."""

    def __init__(self, path: str, at: int | None) -> None:
        super().__init__()
        self.path, self.at = path, at
        self.lines: list[int] = []

    def line(self, index: int) -> int | None:
        return self.lines[index] if index < len(self.lines) else self.at

    def plain(self) -> list[Any]:
        return [v.plain() if isinstance(v, Section | Items) else v for v in self]


# ------------------------------------------------------------------------------------------------------------- reading


def load(path: str) -> Section:
    """Read one YAML file whose top is a mapping. Raises ConfigError for anything else."""
    try:
        data = storage.read_bytes(path)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", path) from None
    try:
        return parse(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 (byte {error.start})", path) from None


def parse(text: str, path: str) -> Section:
    """`load`, of a text already read; `path` is for the messages."""
    if len(text) > MOST_BYTES:
        raise ConfigError(f"is over {MOST_BYTES} characters long: not a recipe", path)
    try:
        for event in _yaml().parse(text):
            if isinstance(event, AliasEvent):
                raise ConfigError("aliases (*name) are not allowed", path, _line_of(event))
        loader = _yaml()
        node = loader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(str(error.problem or error.context), path, mark.line + 1 if mark else None) from None
    except RecursionError:
        raise ConfigError("is nested too deep", path) from None
    except (YAMLError, ValueError) as error:
        raise ConfigError(str(error).splitlines()[0], path) from None
    if node is None:
        return Section(path, 1)
    if not isinstance(node, MappingNode):
        raise ConfigError("the top of the file must be a mapping (key: value)", path, _line_of(node))
    return _value(node, loader, path, 0)


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _line_of(node: Any) -> int:
    return node.start_mark.line + 1


def _value(node: Node, loader: YAML, path: str, depth: int) -> Any:
    if depth > MOST_DEPTH:
        raise ConfigError(f"is nested over {MOST_DEPTH} deep", path, _line_of(node))
    if isinstance(node, MappingNode):
        section = Section(path, _line_of(node))
        for key_node, value_node in node.value:
            key = _value(key_node, loader, path, depth + 1)
            if not isinstance(key, str):
                raise ConfigError(f"the key {key!r} must be a string: put it in quotes", path, _line_of(key_node))
            if key in section:
                raise ConfigError(f"{key!r} stands twice (first at line {section.line(key)})", path, _line_of(key_node))
            section.lines[key] = _line_of(key_node)
            section[key] = _value(value_node, loader, path, depth + 1)
            if node.flow_style and ":" in key and isinstance(value_node, ScalarNode) and value_node.value == "":
                raise ConfigError(f"{key!r} has no value: put a space behind the colon", path, _line_of(key_node))
        return section
    if isinstance(node, SequenceNode):
        items = Items(path, _line_of(node))
        for child in node.value:
            items.lines.append(_line_of(child))
            items.append(_value(child, loader, path, depth + 1))
        return items
    if node.tag.removeprefix("tag:yaml.org,2002:") not in ("null", "bool", "int", "float", "str", "timestamp"):
        raise ConfigError(f"tags ({node.tag}) are not allowed", path, _line_of(node))
    if node.tag == _TIMESTAMP:  # dates stay as they are written, those too that no calendar has
        return str(node.value)
    try:
        return loader.constructor.construct_object(node, deep=True)
    except ValueError as error:  # a number of more digits than any has
        raise ConfigError(str(error), path, _line_of(node)) from None


def override(section: Section, assignment: str) -> None:
    """Apply one `--set a.b.2.c=VALUE`; the value is YAML. Raises ConfigError if the path leads nowhere."""
    where, separator, text = assignment.partition("=")
    if not separator:
        raise ConfigError(f"{assignment!r}: write --set path.to.key=value", "--set")
    value = parse(f"value: {text or 'null'}", f"--set {where}").get("value")
    *parents, last = where.strip().split(".")
    target: Any = section
    for name in parents:
        target = _child(target, name, where)
    if isinstance(target, Items):
        target[_index(target, last, where)] = value
    elif isinstance(target, Section):
        target[last] = value
    else:
        raise ConfigError(f"{where}: there is nothing to set below {'.'.join(parents)}", "--set")


def _child(target: Any, name: str, where: str) -> Any:
    if isinstance(target, Items):
        return target[_index(target, name, where)]
    if isinstance(target, Section):
        if name not in target:
            raise ConfigError(f"{where}: no {name!r}{nearest(name, target)}", "--set")
        return target[name]
    raise ConfigError(f"{where}: {name!r} has nothing below it", "--set")


def _index(items: Items, name: str, where: str) -> int:
    if not name.isdigit() or int(name) >= len(items):
        raise ConfigError(f"{where}: {name!r} must be a position from 0 to {len(items) - 1}", "--set")
    return int(name)


# ------------------------------------------------------------------------------------------------------------ building


def build(cls: type[C], section: Section, **given: Any) -> C:
    """A dataclass from a section: its fields are the options. `given`: fields that the caller knows and the YAML cannot set.

    Raises ConfigError at the line of the option: unknown, missing, of another type, or refused by the dataclass itself.
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    names = {_option(f): f for name, f in fields.items() if name not in given}
    values = dict(given)
    for key, value in section.items():
        if key not in names:
            raise section.error(f"no option {key!r}{nearest(key, names)}", key)
        field = names[key]
        values[field.name] = convert(value, hints[field.name], section, key)
    missing = [
        option
        for option, f in names.items()
        if f.name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise section.error(f"{', '.join(repr(m) for m in missing)} must be given")
    try:
        return cls(**values)
    except ValueError as error:
        at = next((key for key in section if re.search(rf"\b{re.escape(key)}\b", str(error))), None)
        raise section.error(str(error), at) from None


def _option(field: dataclasses.Field[Any]) -> str:
    return field.metadata.get("option", field.name)  # for options that are words of Python: `from`, `in`


def convert(value: Any, kind: Any, section: Section, key: str) -> Any:
    """A YAML value as the type that a field declares."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(value, args, section, key)
    if origin is Literal:
        if value not in args:
            raise section.error(f"{key}: {value!r} is not one of {', '.join(map(repr, args))}", key)
        return value
    if origin in (tuple, list, frozenset):
        items = value if isinstance(value, list) else [value]
        return origin(convert(item, args[0] if args else Any, section, key) for item in items)
    if origin in (dict, Mapping) or kind is dict or getattr(origin, "__name__", "") == "Mapping":
        if not isinstance(value, Section):
            raise section.error(f"{key}: must be a mapping, not {_kind(value)}", key)
        return {k: convert(v, args[1] if args else Any, value, k) for k, v in value.items()}
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Section):
            raise section.error(f"{key}: must be a mapping, not {_kind(value)}", key)
        return build(typing.cast(type, kind), value)
    return _convert_scalar(value, kind, section, key)


def _convert_union(value: Any, kinds: tuple[Any, ...], section: Section, key: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    kinds = tuple(k for k in kinds if k is not type(None))
    for kind in kinds:  # an exact type first: `int | str` keeps a number a number
        if isinstance(kind, type) and type(value) is kind:
            return value
    failure: ConfigError | None = None
    for kind in kinds:
        try:
            return convert(value, kind, section, key)
        except ConfigError as error:
            failure = failure or error
    raise failure or section.error(f"{key}: cannot be {_kind(value)}", key)


def _convert_scalar(value: Any, kind: Any, section: Section, key: str) -> Any:
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is int and isinstance(value, str) and (number := quantity(value)) is not None:
        return number
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise section.error(f"{key}: must be a number that a computer can hold", key) from None
    if kind is str and isinstance(value, str):
        return value
    name = {int: "a whole number (1000, 32k, 200M, 1B, 16 MB)", float: "a number", str: "a string", bool: "true or false"}
    hint = ": put it in quotes" if kind is str and isinstance(value, int | float) else ""
    raise section.error(f"{key}: must be {name.get(kind, kind)}, not {_kind(value)}{hint}", key)


_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*(k|K|M|B|G|T|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?")
_UNITS = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}
_UNITS |= {"kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def quantity(text: str) -> int | None:
    """`1B` (a billion), `200M`, `32k`, `16 MB`, `4 GiB` as a whole number; None if it is no such thing."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    number = Fraction(match[1]) * _UNITS.get(match[2] or "", 1)  # 2.01M is a whole number, and not in binary
    return int(number) if number.denominator == 1 else None


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Section):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value)
