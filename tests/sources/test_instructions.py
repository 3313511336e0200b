import gzip
import io
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.config import build, parse
from curator.documents import File, Piece, Source, Tally
from curator.sources.instructions import Instructions
from curator.sources.jsonarray import elements
from curator.sources.streams import StreamError
from curator.sources.templates import Template, value


def read(
    path: Path, source: Instructions | None = None, tally: Tally | None = None, start: int = 0, stop: int = -1
) -> list[dict]:
    tally = Tally() if tally is None else tally
    before = tally.records - sum(tally.skipped.values()) - sum(tally.errors.values())
    piece = Piece(File(str(path), path.name, path.stat().st_size, ""), start, stop)
    rows = [row for batch in (source or Instructions()).read(piece, tally) for row in batch.to_pylist()]
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records - before
    return rows


def as_lines(folder: Path, records: list[Any]) -> Path:
    path = folder / "a.jsonl"
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


def as_array(folder: Path, records: list[Any]) -> Path:
    path = folder / "a.json"
    path.write_text(json.dumps(records, ensure_ascii=False, indent=2))
    return path


def as_parquet(folder: Path, records: list[Any]) -> Path:
    path = folder / "a.parquet"
    pq.write_table(pa.Table.from_pylist(records), path)
    return path


CONTAINERS = {"lines": as_lines, "array": as_array, "parquet": as_parquet}

FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "alpaca": (
        {"instruction": "Name the sum.", "input": "1 + 2", "output": "3"},
        "Instruction: Name the sum.\n\nInput: 1 + 2\n\nResponse: 3",
    ),
    "alpaca without input": ({"instruction": "Greet.", "input": "", "output": "Hi."}, "Instruction: Greet.\n\nResponse: Hi."),
    "alpaca zh": (
        {"instruction": "把它翻译成 English。", "input": "你好", "output": "Hello"},
        "指令：把它翻译成 English。\n\n输入：你好\n\n回答：Hello",
    ),
    "dolly": (
        {"instruction": "Who?", "context": "Ann ran.", "response": "Ann.", "category": "qa"},
        "Instruction: Who?\n\nInput: Ann ran.\n\nResponse: Ann.",
    ),
    "openorca": (
        {"id": "1", "system_prompt": "Be brief.", "question": "Why?", "response": "So."},
        "System: Be brief.\n\nQuestion: Why?\n\nAnswer: So.",
    ),
    "qa": ({"question": "什么是水？", "answer": "一种液体。"}, "问题：什么是水？\n\n答案：一种液体。"),
    "squad": (
        {"context": "Ann ran.", "question": "Who?", "answers": {"text": ["Ann", "Ann ran"], "answer_start": [0, 0]}},
        "Context: Ann ran.\n\nQuestion: Who?\n\nAnswer: Ann",
    ),
    "gsm8k": ({"question": "1 + 2?", "answer": 3}, "Question: 1 + 2?\n\nAnswer: 3"),
    "firefly": ({"kind": "qa", "input": "水是什么", "target": "液体"}, "问题：水是什么\n\n答案：液体"),
    "prompt": ({"prompt": "Once", "completion": "upon"}, "Instruction: Once\n\nResponse: upon"),
    "sharegpt": (
        {"id": "x", "conversations": [{"from": "human", "value": "你好"}, {"from": "gpt", "value": "您好！"}]},
        "用户：你好\n\n助手：您好！",
    ),
    "sharegpt system": (
        {"system": "Be kind.", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]},
        "System: Be kind.\n\nUser: Hi\n\nAssistant: Hello!",
    ),
    "openai": (
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": "Bye"},
                {"role": "assistant", "content": "Bye!"},
            ]
        },
        "System: Be kind.\n\nUser: Hi\n\nAssistant: Hello!\n\nUser: Bye\n\nAssistant: Bye!",
    ),
    "openai parts": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "you"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]},
            ]
        },
        "User: Hi\nyou\n\nAssistant: Hello!",
    ),
    "moss": ({"conversation": [{"human": "你好", "assistant": "您好"}]}, "用户：你好\n\n助手：您好"),
    "xtuner": (
        {"conversation": [{"system": "Be.", "input": "Hi", "output": "Yo"}, {"input": "Bye", "output": "So long"}]},
        "System: Be.\n\nUser: Hi\n\nAssistant: Yo\n\nUser: Bye\n\nAssistant: So long",
    ),
    "coig": (
        {"instruction": "解这道题。", "conversations": [{"question": "一加一是几？", "answer": "二"}]},
        "用户：解这道题。\n一加一是几？\n\n助手：二",
    ),
    "history": (
        {"instruction": "And", "input": "three?", "output": "3", "system": "Count.", "history": [["One?", "1"], ["Two?", "2"]]},
        "System: Count.\n\nUser: One?\n\nAssistant: 1\n\nUser: Two?\n\nAssistant: 2\n\nUser: And\nthree?\n\nAssistant: 3",
    ),
    "empty history": ({"instruction": "Greet.", "output": "Hi.", "history": []}, "Instruction: Greet.\n\nResponse: Hi."),
    "mmlu": (
        {"question": "1 + 2?", "choices": ["2", "3"], "answer": 1},
        "Question: 1 + 2?\nA. 2\nB. 3\n\nAnswer: B",
    ),
    "c-eval": (
        {"question": "首都是？", "A": "北京", "B": "上海", "answer": "A"},
        "问题：首都是？\nA. 北京\nB. 上海\n\n答案：A",
    ),
    "medqa": (
        {"question": "Which?", "options": {"A": "Bread ", "B": "Salt", "C": 3, "D": None}, "answer": "Salt", "answer_idx": "B"},
        "Question: Which?\nA. Bread\nB. Salt\nC. 3\n\nAnswer: Salt",
    ),
    "arc": (
        {"question": "哪一个？", "choices": {"text": ["铁", "木"], "label": ["A", "B"]}, "answer": "B"},
        "问题：哪一个？\nA. 铁\nB. 木\n\n答案：B",
    ),
    "options by number": (
        {"question": "Which?", "options": {"1": "Bread", "2": "Salt"}, "answer": 1},
        "Question: Which?\n1. Bread\n2. Salt\n\nAnswer: 1",
    ),
    "options by letter, the answer by place": (
        {"question": "Which?", "options": {"A": "Bread", "B": "Salt"}, "answer": 1},
        "Question: Which?\nA. Bread\nB. Salt\n\nAnswer: B",
    ),
    "other roles": (
        {
            "messages": [
                {"role": "developer", "content": "Be."},
                {"role": "user", "content": "Hi"},
                {"role": "ai", "content": "Yo"},
            ]
        },
        "System: Be.\n\nUser: Hi\n\nAssistant: Yo",
    ),
    "said twice": (
        {
            "system": "Be kind.",
            "conversations": [
                {"from": "system", "value": "Be kind."},
                {"from": "human", "value": "Hi"},
                {"from": "gpt", "value": "Yo"},
            ],
        },
        "System: Be kind.\n\nUser: Hi\n\nAssistant: Yo",
    ),
    "a worked solution": ({"problem": "1+1?", "solution": "One more.", "answer": "2"}, "Question: 1+1?\n\nAnswer: One more."),
    "a completion in a list": ({"prompt": "Hi", "completion": ["Yo"]}, "Instruction: Hi\n\nResponse: Yo"),
    "no input": ({"instruction": "Sing", "input": "<noinput>", "output": "La"}, "Instruction: Sing\n\nResponse: La"),
    "mnbvc": ({"问": "谁？", "答": "我。", "来源": "网"}, "问题：谁？\n\n答案：我。"),
    "baike": (
        {"qid": "1", "title": "如何学？", "desc": "零基础。", "answer": "多练。"},
        "问题：如何学？\n零基础。\n\n答案：多练。",
    ),
    "preferences": ({"prompt": "Hi", "chosen": "Hello", "rejected": "No"}, "Instruction: Hi\n\nResponse: Hello"),
    "preferred conversations": (
        {
            "prompt": "Hi",
            "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}],
            "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No"}],
        },
        "User: Hi\n\nAssistant: Yo",
    ),
    "preferred turns": (
        {"prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "Yo"}], "rejected": []},
        "User: Hi\n\nAssistant: Yo",
    ),
    "pairs": (
        {"conversations": [["Hi", "Yo"], ["Well?", "Yes"]]},
        "User: Hi\n\nAssistant: Yo\n\nUser: Well?\n\nAssistant: Yes",
    ),
    "ultrachat": ({"id": "0", "data": ["Hi", "Hello!"]}, "User: Hi\n\nAssistant: Hello!"),
}


@pytest.mark.parametrize("write", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize(("record", "text"), FORMS.values(), ids=FORMS)
def test_forms(tmp_path, record, text, write):
    rows = read(write(tmp_path, [record, record]))
    assert [row["text"] for row in rows] == [text, text]
    assert len({row["offset"] for row in rows}) == 2


def test_tool_calls(tmp_path):
    call = {"type": "function", "function": {"name": "add", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "1 + 2?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "3"},
        {"role": "assistant", "content": "It is 3."},
    ]
    (row,) = read(as_lines(tmp_path, [{"messages": messages}]))
    called = '[{"name":"add","arguments":"{}"}]'
    assert row["text"] == f"User: 1 + 2?\n\nAssistant: {called}\n\nTool: 3\n\nAssistant: It is 3."


def test_function_calls_of_before(tmp_path):
    called = {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": "{}"}}
    messages = [{"role": "user", "content": "1?"}, called, {"role": "function", "content": "1"}]
    (row,) = read(as_lines(tmp_path, [{"messages": messages}]))
    assert row["text"] == 'User: 1?\n\nAssistant: [{"name":"add","arguments":"{}"}]\n\nTool: 1'


def test_is_a_source():
    assert isinstance(Instructions(), Source)


def test_what_is_not_in_the_text_is_metadata(tmp_path):
    (row,) = read(as_lines(tmp_path, [{"instruction": "a", "input": "", "output": "b", "source": "x", "n": 1}]))
    assert json.loads(row["metadata"]) == {"input": "", "source": "x", "n": 1}
    (row,) = read(as_lines(tmp_path, [{"instruction": "a", "output": "b"}]))
    assert row["metadata"] is None


def test_options_from_yaml(tmp_path):
    text = """
template: ["题：{a.b}\\n提示：{hint}\\n{{答}}：{c.0.d}", "题：{a.b}\\n{{答}}：{c.0.d}"]
"""
    source = build(Instructions, parse(text, "a.yaml"))
    records = [
        {"a": {"b": "一加一"}, "hint": "想", "c": [{"d": 2}]},
        {"a": {"b": "一加一"}, "hint": " ", "c": [{"d": "二"}]},
        {"a": {"b": "一加一"}, "c": []},
    ]
    tally = Tally()
    rows = read(as_lines(tmp_path, records), source, tally)
    assert [row["text"] for row in rows] == ["题：一加一\n提示：想\n{答}：2", "题：一加一\n{答}：二"]
    assert tally.errors == {"no_c.0.d": 1}
    source = build(
        Instructions, parse('roles: {user: "问：{text}", assistant: "答：{text}{text}", system: ""}\nbetween: "\\n"', "a")
    )
    turns = [{"role": "system", "content": "x"}, {"role": "user", "content": "{text}"}, {"role": "assistant", "content": "b"}]
    (row,) = read(as_lines(tmp_path, [{"messages": turns}]), source)
    assert row["text"] == "问：{text}\n答：bb"


ERRORS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "nothing known": ({"text": "a"}, {}, "no_known_fields"),
    "no answer": ({"instruction": "a", "output": ""}, {}, "no_answer"),
    "no question": ({"output": "a"}, {}, "no_question"),
    "no field": ({"q": "a"}, {"template": "{q} {a}"}, "no_a"),
    "null": ({"q": "a", "a": None}, {"template": "{q} {a}"}, "no_a"),
    "not text": ({"q": "a", "a": {"x": 1}}, {"template": "{q} {a}"}, "no_a"),
    "no conversation": ({"x": 1}, {"conversation": "chat"}, "no_chat"),
    "empty conversation": ({"chat": []}, {"conversation": "chat"}, "no_conversation"),
    "user alone": ({"messages": [{"role": "user", "content": "a"}]}, {}, "no_answer"),
    "role": ({"messages": [{"role": "alien", "content": "a"}]}, {}, "unknown_role"),
    "no role": ({"messages": [{"content": "a"}]}, {}, "malformed_turn"),
    "number": ({"messages": [1, 2]}, {}, "malformed_turn"),
    "empty turn": ({"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "a"}]}, {}, "empty_user"),
    "not an object": (["a"], {}, "not_object"),
    "deep": ({"q": "a", "x": json.loads("[" * 300 + "]" * 300)}, {"template": "{q}"}, "nested_too_deep"),
}


@pytest.mark.parametrize("write", [None, as_array], ids=["lines", "array"])
@pytest.mark.parametrize(("record", "options", "kind"), ERRORS.values(), ids=ERRORS)
def test_errors_are_named(tmp_path, record, options, kind, write):
    good = {"q": "1", "a": "2", "chat": ["3", "4"], "question": "5", "answer": "6"}
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (good, record, good)))
    tally = Tally()
    rows = read(write(tmp_path, [good, record, good]) if write else path, Instructions(**options), tally)
    assert len(rows) == 2
    assert tally.errors == {kind: 1}
    assert tally.damage[0]["message"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"template": "no field"}, "template"),
        ({"template": "{a"}, "template"),
        ({"template": "a}"}, "template"),
        ({"template": "{}"}, "template"),
        ({"template": "{a}" * 200}, "template"),
        ({"template": ("{a}", "")}, "template"),
        ({"template": "{a}", "conversation": "b"}, "conversation"),
        ({"roles": {"alien": "{text}"}}, "roles"),
        ({"roles": {"user": "text"}}, "roles"),
        ({"max_line": 0}, "max_line"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Instructions(**options)


def test_templates_execute_nothing():
    record = {"a": "1", "b": {"__class__": "x"}}
    for name in ("a.__class__", "a.__len__", "b.__init__", "a!r", "a:>99999999", "a[0]", "__import__('os')"):
        assert Template.parse(f"{{{name}}}").missing(record) == name
    assert value(record, "b.__class__") == "x"


def test_compressed_and_cut_short(tmp_path):
    records = [{"question": f"question {i}", "answer": f"answer {i * i}"} for i in range(2000)]
    path = tmp_path / "a.json.zst"
    path.write_bytes(zstandard.compress(json.dumps(records).encode()))
    assert len(read(path)) == 2000
    packed = gzip.compress(json.dumps(records).encode())
    path.write_bytes(packed[: len(packed) // 2])
    tally = Tally()
    assert 500 < len(read(path, tally=tally)) < 2000
    assert any(place["file_damage"] for place in tally.damage)


# --------------------------------------------------------------------------------------------------------- JSON arrays


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.text('a"\\[]{},: 中', max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text('a"\\]}', max_size=3), inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.lists(JSON, max_size=6), st.sampled_from([None, 1]), st.booleans(), st.integers(1, 40))
def test_elements_are_those_of_the_array(records, indent, ascii_only, size):
    data = json.dumps(records, indent=indent, ensure_ascii=ascii_only).encode()

    class Slow(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            return super().read(size)

    found = list(elements(Slow(b"\xef\xbb\xbf \n" + data + b"\n"), 1 << 20))
    assert [json.loads(element or b"") for _, element in found] == records
    for place, element in found:
        assert element is not None
        assert data[place - 5 :].startswith(element)
    limited = list(elements(Slow(data), 12))
    assert [element for _, element in limited] == [e if e is not None and len(e) <= 12 else None for _, e in found]


@pytest.mark.parametrize(
    ("data", "count", "kind"),
    [
        (b'[{"a": 1}, {"b": ', 1, "truncated"),
        (b'[{"a": 1}', 1, "truncated"),
        (b'[{"a": 1}, "cut', 1, "truncated"),
        (b"[1, 2", 1, "truncated"),
        (b'[{"a": 1}] x', 1, "trailing_bytes"),
        (b'[{"a": 1}} , {}]', 1, "corrupt"),
        (b"", 0, "corrupt"),
    ],
    ids=["object", "end", "string", "number", "behind", "bracket", "empty"],
)
def test_arrays_that_do_not_end(data, count, kind):
    found = elements(io.BytesIO(data), 100)
    for _ in range(count):
        next(found)
    with pytest.raises(StreamError) as failure:
        next(found)
    assert failure.value.kind == kind


def test_a_malformed_element_costs_itself(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"question": "a", "answer": "b"}, {bad: [1, 2}], {"question": "c", "answer": "d"}]')
    tally = Tally()
    assert len(read(path, tally=tally)) == 2
    assert tally.errors == {"invalid_json": 1}


def as_object(folder: Path, records: list[Any]) -> Path:
    path = folder / "a.json"
    path.write_text(json.dumps({"name": "[x", "no": {"a": [1]}, "list": records, "more": [5]}, ensure_ascii=False, indent=4))
    return path


def test_an_array_inside_of_an_object(tmp_path):
    rows = read(as_object(tmp_path, [{"question": "a", "answer": ["b"]}, {"question": "c", "answer": ["d"]}]))
    assert [row["text"] for row in rows] == ["Question: a\n\nAnswer: b", "Question: c\n\nAnswer: d"]
    path = tmp_path / "b.json"
    for data in (b'{\n"a": {"b": [1]}}', b'{\n"a": "b', b"{\n"):
        path.write_bytes(data)
        tally = Tally()
        assert read(path, tally=tally) == []
        assert [place["kind"] for place in tally.damage] == ["corrupt"]


def data_folder() -> Path:
    folder = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "bench"
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the test data"
    return folder


@pytest.mark.data
def test_real_questions():
    folder = data_folder()
    rows = read(folder / "gsm8k" / "test.jsonl")
    assert len(rows) == sum(1 for _ in (folder / "gsm8k" / "test.jsonl").open())
    assert all(row["text"].startswith("Question: ") and "\n\nAnswer: " in row["text"] for row in rows)
    rows = read(folder / "humaneval" / "HumanEval.jsonl.gz", Instructions(template="{prompt}\n{canonical_solution}"))
    assert len(rows) == 164
    for path in sorted((folder / "gaokao").glob("*MCQs.json")):
        tally = Tally()
        rows = read(path, tally=tally)
        assert len(rows) == len(json.loads(path.read_text())["example"]) == tally.records
        english = "English" in path.name
        assert english or sum(row["text"].startswith("问题：") for row in rows) > 0.9 * len(rows)


# -------------------------------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize("write", CONTAINERS.values(), ids=CONTAINERS)
def test_any_cutting_gives_the_same_documents(tmp_path, write):
    path = write(tmp_path, [{"question": f"q {i}", "answer": f"a {i}"} for i in range(300)])
    whole = read(path)
    assert len(whole) == 300
    file = File(str(path), path.name, path.stat().st_size, "")
    for size in (100, 1000, 1 << 30):
        ranges = Instructions().ranges(file, size)
        assert all(before[1] == behind[0] for before, behind in pairwise(ranges))
        assert [row for start, stop in ranges for row in read(path, None, None, start, stop)] == whole
    if write is as_array:
        assert Instructions().ranges(file, 100) == [(0, -1)]
