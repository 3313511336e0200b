"""The source `instructions`: questions, tasks and conversations with their replies, made into text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa

from curator.documents import File, Piece, Tally, batched
from curator.sources import dialogues, jsonarray
from curator.sources.dialogues import Unfit
from curator.sources.jsonlines import LINE_BYTES, dumps, line_ranges, objects
from curator.sources.parquet import MAGIC, group_ranges, records_of, rows_of
from curator.sources.templates import Template, value


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """Instruction and question-answer sets as text, to be mixed into pretraining: JSON lines, one JSON array (also
    inside of an object), or Parquet, told by content and compressed as `jsonl`: a document a record.

    Without options the form is found record by record: a conversation (`conversations` of {from, value}, `messages` of {role,
    content} and their like; of `chosen` and `rejected` the chosen), or what is asked (instruction, prompt, question, query,
    problem …), what it is asked of (input, context), a system prompt, what one may choose (choices or options, a list or by
    letter; or A, B, C …), and the reply (output, response, solution, answer, completion, target …), a `history` of pairs
    before it. Each part has a label before it (`Question: …`, `问题：…`), Chinese or English by `labels`, or by what is asked;
    parts are set apart by `between`.

    `template` is text with fields in braces, or a list of such: the first is taken whose every field is there and not empty. A
    field is a name or a path (`answers.text`, `messages.0.content`); `{{` and `}}` are braces. `conversation` names the field
    that holds the turns, and `roles` says how turns are written: {user: "<|user|>{text}", system: ""} (empty: left out).

    A record without a field that is needed is an error named for it (`no_answer`; with a template `no_` and the field); so are
    turns without text and of unknown roles. Fields that are not in the text go to the metadata.

        alpaca: {read: instructions, from: alpaca_zh.json}
        belle:  {read: instructions, from: belle/*.jsonl, labels: zh}
        coder:  {read: instructions, from: code/*.parquet, template: ["{task}\\n{hint}\\n\\n{code}", "{task}\\n\\n{code}"]}
        chats:  {read: instructions, from: sharegpt.json, roles: {user: "问：{text}", assistant: "答：{text}", system: ""}}
    """

    template: str | tuple[str, ...] = ()
    conversation: str | None = None
    labels: Literal["auto", "zh", "en"] = "auto"
    roles: dict[str, str] = field(default_factory=dict)
    between: str = "\n\n"
    max_line: int = LINE_BYTES

    revision: ClassVar[int] = 5
    columns: ClassVar[frozenset[str]] = frozenset(["text", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("orjson", "pyarrow", "zstandard")

    def __post_init__(self) -> None:
        try:
            self._templates()
        except ValueError as error:
            raise ValueError(f"template: {error}") from None
        if self.template and self.conversation:
            raise ValueError("conversation: is not used beside template")
        if self.max_line <= 0:
            raise ValueError(f"max_line: {self.max_line} is not a number of bytes above 0")
        known = ("system", "user", "assistant", "tool")
        for role, text in self.roles.items():
            if role not in known:
                raise ValueError(f"roles: no role {role!r}. There are: {', '.join(known)}")
            if text and "{text}" not in text:
                raise ValueError(f"roles: {role} is written {text!r}, without {{text}}")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        kind = _kind(file.path)
        return group_ranges(file, size) if kind == "parquet" else [(0, -1)] if kind == "array" else line_ranges(file, size)

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece, tally), self.columns)

    def _rows(self, piece: Piece, tally: Tally) -> Iterator[Mapping[str, Any]]:
        templates = self._templates()
        kind = _kind(piece.file.path)
        read = _parquet if kind == "parquet" else jsonarray.records if kind == "array" else objects
        for place, record in read(piece, tally, self.max_line):
            try:
                text, used = self._text(record, templates)
            except Unfit as unfit:
                tally.error(unfit.kind, place, str(unfit))
                continue
            rest = {name: left for name, left in record.items() if name not in used}
            metadata = dumps(rest, place, tally) if rest else ""
            if metadata is not None:
                yield {"offset": place, "text": text, "metadata": metadata or None}

    def _templates(self) -> list[Template]:
        return [Template.parse(text) for text in ((self.template,) if isinstance(self.template, str) else self.template)]

    def _text(self, record: dict[str, Any], templates: list[Template]) -> tuple[str, Sequence[str]]:
        """A record as text, and the fields that are in it."""
        if templates:
            missing = None
            for template in templates:
                missing = template.missing(record)
                if missing is None:
                    return template.render(record), [
                        name if name in record else name.partition(".")[0] for name in template.fields
                    ]
            raise Unfit(f"no_{missing}", f"no field {missing!r}, or empty; there are: {dialogues.named(record)}")
        name = self.conversation or dialogues.conversation_field(record)
        if name is not None:
            told, used = self._conversation(record, name)
        elif (before := dialogues.with_history(record)) is not None:
            told, used = before
        else:
            parts, used = dialogues.question_and_answer(record, self.labels)
            return self.between.join(parts), used
        system = next((key for key in dialogues.SYSTEM if value(record, key)), None)
        if system is not None:
            used = [*used, system]
            said: tuple[dialogues.Role, str] = ("system", value(record, system))
            told = told if told[0] == said else [said, *told]
        marks = dialogues.labels(self.labels, next((text for role, text in told if role == "user"), ""))
        written = [self.roles.get(role, marks[role].replace("{}", "{text}")).replace("{text}", text) for role, text in told]
        return self.between.join(turn for turn in written if turn), used

    def _conversation(self, record: dict[str, Any], name: str) -> tuple[list[tuple[dialogues.Role, str]], list[str]]:
        """The turns in a field; an instruction for all of them (COIG) stands before the first question."""
        found = record.get(name)
        if found is None:
            raise Unfit(f"no_{name}", f"no field {name!r}, or null; there are: {dialogues.named(record)}")
        before = dialogues.led_to(record, name)
        told = dialogues.turns([*before, *found] if before and isinstance(found, list) else found)
        used = [name, dialogues.BEFORE] if before else [name]
        task = value(record, "instruction")
        first = next((at for at, (role, _) in enumerate(told) if role == "user"), None)
        if not task or first is None:
            return told, used
        if not told[first][1].startswith(task):
            told[first] = ("user", f"{task}\n{told[first][1]}")
        return told, [*used, "instruction"]


def _kind(path: str) -> str:
    head = jsonarray.head_of(path)
    return "parquet" if head.startswith(MAGIC) else "array" if jsonarray.is_array(head) else "lines"


def _parquet(piece: Piece, tally: Tally, longest: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for row, batch in rows_of(piece, tally, lambda schema: None):
        tally.records += len(batch)
        yield from enumerate(records_of(batch), row)
