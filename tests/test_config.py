"""The YAML door: strict, with lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from curator.config import ConfigError, Section, build, override, parse, quantity


@dataclass(frozen=True, kw_only=True)
class Inner:
    depth: int = 1


@dataclass(frozen=True, kw_only=True)
class Options:
    words: tuple[str, ...] = ()
    count: int = 3
    ratio: float = 0.5
    on: bool = False
    mode: Literal["fast", "slow"] = "fast"
    table: dict[str, float] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)
    maybe: int | str | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count: must not be negative")


def test_yaml_1_2_is_read_as_written():
    section = parse("no: no\nnumber: 1e-3\nday: 2024-01-01\nhex: '0x10'\n中文: 是\n", "x.yaml")
    assert section == {"no": "no", "number": 0.001, "day": "2024-01-01", "hex": "0x10", "中文": "是"}
    assert section.line("中文") == 5


def test_options_become_their_types():
    text = "words: one\ncount: 32k\nratio: 1\non: true\nmode: slow\ntable: {a: 1}\ninner: {depth: 2}\nmaybe: 3"
    assert build(Options, parse(text, "x.yaml")) == Options(
        words=("one",), count=32_000, ratio=1.0, on=True, mode="slow", table={"a": 1.0}, inner=Inner(depth=2), maybe=3
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "x.yaml:2: 'a' stands twice (first at line 1)"),
        ("a: &x 1\nb: *x", "x.yaml:2: aliases (*name) are not allowed"),
        ("a: !!python/object:os.system 1", "x.yaml:1: tags (tag:yaml.org,2002:python/object:os.system) are not allowed"),
        ("- 1", "x.yaml:1: the top of the file must be a mapping"),
        ("a: " + "[" * 3000, "x.yaml"),
        ("1: a", "x.yaml:1: the key 1 must be a string"),
        ("a: {}\nb: {min:0.6}", "x.yaml:2: 'min:0.6' has no value: put a space behind the colon"),
        ("a: 1\nb: " + "9" * 5000, "x.yaml:2: Exceeds the limit"),
    ],
)
def test_what_is_refused_when_reading(text, message):
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\ncuont: 1", "x.yaml:2: no option 'cuont'. Did you mean 'count'?"),
        ("count: many", "x.yaml:1: count: must be a whole number"),
        ("count: -1", "x.yaml:1: count: must not be negative"),
        ("mode: quick", "x.yaml:1: mode: 'quick' is not one of 'fast', 'slow'"),
        ("words: [a, 1]", "x.yaml:1: words: must be a string, not 1: put it in quotes"),
        ("inner:\n  dept: 1", "x.yaml:2: no option 'dept'. Did you mean 'depth'?"),
        ("on: 1", "x.yaml:1: on: must be true or false, not 1"),
        ("table: 1", "x.yaml:1: table: must be a mapping, not 1"),
        ("ratio: 1" + "0" * 400, "x.yaml:1: ratio: must be a number that a computer can hold"),
    ],
)
def test_what_is_refused_when_building(text, message):
    with pytest.raises(ConfigError) as caught:
        build(Options, parse(text, "x.yaml"))
    assert message in str(caught.value)


def test_a_value_can_be_set_by_its_path():
    section = parse("sources:\n  web: {from: a}\nstages:\n  - one: {x: 1}\n  - two", "x.yaml")
    override(section, "sources.web.from=[b, c]")
    override(section, "stages.0.one.x=2")
    assert section["sources"]["web"]["from"] == ["b", "c"]
    assert section["stages"][0]["one"] == {"x": 2}
    for wrong in ("sources.wbe.from=a", "stages.7.one=1", "nothing"):
        with pytest.raises(ConfigError):
            override(section, wrong)


def test_plain_gives_ordinary_values():
    section = parse("a: {b: [1, {c: 2}]}", "x.yaml")
    assert type(section.plain()["a"]) is dict
    assert section.plain() == {"a": {"b": [1, {"c": 2}]}}
    assert isinstance(section["a"], Section)


def test_quantities():
    assert [quantity(q) for q in ("1B", "200M", "32k", "16 MB", "4 GiB", "1.5M", "12")] == [
        10**9, 2 * 10**8, 32_000, 16_000_000, 4 << 30, 1_500_000, 12,
    ]  # fmt: skip
    assert [quantity(q) for q in ("", "x", "1.2345", "-1")] == [None] * 4
    assert [quantity(f"2.{part:02}M") for part in range(100)] == [2_000_000 + part * 10_000 for part in range(100)]
    assert quantity("9007199254740993") == 9007199254740993, "no number is rounded to a float"


@pytest.mark.parametrize("text", ["2026-11-22", "2020-13-45", "2001-12-14t21:59:43.10-05:00"])
def test_a_date_stays_as_it_is_written_be_there_such_a_day_or_not(text):
    assert parse(f"day: {text}", "x.yaml") == {"day": text}
