"""Questions and conversations in the forms in which they are published, as one record of roles and texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Literal

import orjson

from curator.sources.fields import named
from curator.sources.templates import value

Role = Literal["system", "user", "assistant", "tool"]

CONVERSATIONS = ("conversations", "messages", "conversation", "dialogue", "dialog", "turns", "data", "chosen", "completion")
_ALSO_REPLIES = ("chosen", "completion")
BEFORE = "prompt"  # the turns that lead to those in `chosen` (the preferred of two) and `completion`, as TRL has them
TASKS = ("instruction", "prompt", "inputs", "指令")
QUESTIONS = ("question", "query", "problem", "input", "问题", "问", "title")
MORE = ("input", "context", "输入")
REPLIES = (
    *("output", "response", "solution", "answer", "answers.text", "answers", "completion"),  # of a sum, how it is solved
    *("targets", "target", "reply", "chosen", "输出", "回答", "答案", "答"),
)
DESCRIPTION = "desc"  # of a question that is a title, in sets from Baidu's pages and forums
NOTHING = ("<noinput>", "<no input>")  # how sets in the manner of Self-Instruct say that there is no input
SYSTEM = ("system", "system_prompt")
HISTORY = "history"  # of pairs: what was asked and replied before
OPTIONS = ("choices", "options")
LETTERS = "ABCDEFGH"

ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "question", "customer"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "model", "chatgpt", "chatbot", "bing", "bard", "ai", "answer"), "assistant"),
    **dict.fromkeys(("tool", "function", "function_call", "function_response", "observation", "ipython"), "tool"),
}
_SPOKEN: dict[str, Role] = {key: role for key, role in ROLES.items() if role in ("user", "assistant")}
_SPOKEN |= {"input": "user", "output": "assistant"}
ZH: dict[str, str] = {
    "system": "系统：{}",
    "instruction": "指令：{}",
    "input": "输入：{}",
    "response": "回答：{}",
    "question": "问题：{}",
    "context": "背景：{}",
    "answer": "答案：{}",
    "user": "用户：{}",
    "assistant": "助手：{}",
    "tool": "工具：{}",
}
EN: dict[str, str] = {name: f"{name.capitalize()}: {{}}" for name in ZH}
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")  # none of TeX's commands, nor what formulas call things
LOOKED_AT = 2000  # characters


class Unfit(Exception):
    """A record without what it should have. `kind` names the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def labels(language: str, asked: str) -> dict[str, str]:
    """What stands before each part: in `zh` or `en`, or (`auto`) in the language of what is asked."""
    if language == "auto":
        asked = asked[:LOOKED_AT]
        language = "zh" if len(_HAN.findall(asked)) > len(_WORD.findall(asked)) else "en"
    return ZH if language == "zh" else EN


@dataclass(frozen=True)
class Asked:
    """The fields of a record that asks once: their names, None for one that is not there."""

    ask: str
    reply: str
    more: str | None  # what is asked about
    system: str | None
    task: bool  # an instruction, not a question


def asked(record: dict[str, Any]) -> Asked:
    """Raises Unfit where either half is missing."""
    task = _first(record, TASKS)
    ask = task or _first(record, QUESTIONS)
    reply = _first(record, REPLIES)
    if ask is None and reply is None:
        raise Unfit("no_known_fields", f"neither what is asked nor a reply; there are: {named(record)}")
    if ask is None:
        raise Unfit("no_question", f"none of {', '.join((*TASKS, *QUESTIONS))} is there; there are: {named(record)}")
    if reply is None:
        raise Unfit("no_answer", f"none of {', '.join(REPLIES)} is there, or has text; there are: {named(record)}")
    more = _first(record, [name for name in MORE if name != ask and value(record, name).lower() not in NOTHING])
    if ask == "title" and more is None:
        more = _first(record, [DESCRIPTION])
    return Asked(ask, reply, more, _first(record, SYSTEM), task is not None)


def question_and_answer(record: dict[str, Any], language: str) -> tuple[list[str], list[str]]:
    """The labelled parts of a record that asks once, and the names of its fields."""
    found = asked(record)
    marks = labels(language, value(record, found.ask))
    lines, letters, names = _choices(record)
    if found.more == DESCRIPTION:
        lines, names, found = [value(record, DESCRIPTION), *lines], [*names, DESCRIPTION], replace(found, more=None)
    question = "\n".join([value(record, found.ask), *lines])
    reply = value(record, found.reply)
    more = ("input" if found.task else "context", found.more)
    asks = ("instruction" if found.task else "question", found.ask)
    order = [("system", found.system), *([asks, more] if found.task else [more, asks])]
    order.append(("response" if found.task else "answer", found.reply))
    texts = {found.ask: question, found.reply: letters.get(reply, reply)}
    used = [(mark, name) for mark, name in order if name]
    parts = [marks[mark].format(texts.get(name) or value(record, name)) for mark, name in used]
    return parts, [*(name.partition(".")[0] for _, name in used), *names]


def _choices(record: dict[str, Any]) -> tuple[list[str], dict[str, str], list[str]]:
    """What one may answer, a line each (`A. …`); the letters of answers that are numbers; the names of the fields."""
    for name in OPTIONS:
        options = _options(record.get(name))
        if len(options) > 1:
            letters = [letter for letter, _ in options]
            numbered = type(record.get("answer")) is int and str(record["answer"]) not in letters
            lines = [f"{letter}. {text}" for letter, text in options]
            return lines, {str(at): letter for at, letter in enumerate(letters) if numbered}, [name]
    names = list(takewhile(lambda letter: value(record, letter), LETTERS))
    return ([f"{name}. {value(record, name)}" for name in names], {}, names) if len(names) > 1 else ([], {}, [])


def _options(found: Any) -> list[tuple[str, str]]:
    """Letters and texts: of a list of texts, of {A: text, …} (MedQA), or of {label: [A, …], text: [text, …]} (ARC). Empty for
    what is none of these: it stays in the metadata."""
    if not isinstance(found, dict):
        letters, texts = LETTERS, found
    elif isinstance(found.get("text"), list):
        letters, texts = found.get("label"), found["text"]
    else:
        given = {letter: text for letter, text in found.items() if text is not None}  # Parquet has null for letters of others
        letters, texts = list(given), list(given.values())
    if not (isinstance(letters, list | str) and isinstance(texts, list) and len(texts) <= min(len(letters), len(LETTERS))):
        return []
    pairs = list(zip(letters, texts))
    whole = all(isinstance(part, str | int | float) for pair in pairs for part in pair)
    return [(str(letter), str(text).strip()) for letter, text in pairs] if whole else []


def with_history(record: dict[str, Any]) -> tuple[list[tuple[Role, str]], list[str]] | None:
    """The turns of a record that asks last what its `history` leads to, [[question, reply], …]; None without one."""
    pairs = record.get(HISTORY)
    if not (isinstance(pairs, list) and pairs and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs)):
        return None
    found = asked(record)
    told = [_told(role, text, number) for number, pair in enumerate(pairs) for role, text in zip(_PAIR, pair)]
    last = [value(record, name) for name in (found.ask, found.more) if name]
    names = [HISTORY, *(name.partition(".")[0] for name in (found.ask, found.more, found.reply) if name)]
    return [*told, ("user", "\n".join(last)), ("assistant", value(record, found.reply))], names


_PAIR: tuple[Role, Role] = ("user", "assistant")


def _first(record: dict[str, Any], names: Any) -> str | None:
    return next((name for name in names if value(record, name)), None)


def conversation_field(record: dict[str, Any]) -> str | None:
    return next((name for name in CONVERSATIONS if _holds_turns(record.get(name), name)), None)


def _holds_turns(found: Any, name: str) -> bool:
    return isinstance(found, list) and bool(found) and (name not in _ALSO_REPLIES or isinstance(found[0], dict))


def led_to(record: dict[str, Any], name: str) -> list[Any]:
    """The turns that stand in a field of their own before those in this one."""
    before = record.get(BEFORE)
    return before if name in _ALSO_REPLIES and isinstance(before, list) else []


def turns(found: Any) -> list[tuple[Role, str]]:
    """Roles and texts of a conversation: `{from, value}` (ShareGPT), `{role, content}` (OpenAI), `{human, assistant}` and
    `{system, input, output}` (one object for both), [question, reply], or bare strings that alternate, the user first."""
    if not isinstance(found, list) or not found:
        raise Unfit("no_conversation", "the conversation is no list, or empty")
    told = [turn for number, item in enumerate(found) for turn in _turn(item, number)]
    if not any(role == "assistant" for role, _ in told):
        raise Unfit("no_answer", "no turn of the conversation is the assistant's")
    return told


def _turn(item: Any, number: int) -> Iterator[tuple[Role, str]]:
    if isinstance(item, str):
        yield _told("assistant" if number % 2 else "user", item, number)
        return
    if isinstance(item, list) and len(item) == 2:
        for role, text in zip(_PAIR, item):
            yield _told(role, text, number)
        return
    if not isinstance(item, dict):
        raise Unfit("malformed_turn", f"turn {number} is neither an object, a string nor a pair")
    said = next((item[key] for key in ("from", "role", "speaker") if isinstance(item.get(key), str)), None)
    if said is None:
        pairs: list[tuple[Role, Any]] = [(role, item[key]) for key, role in _SPOKEN.items() if key in item]
        if not pairs:
            raise Unfit("malformed_turn", f"turn {number} says not whose it is; there are: {named(item)}")
        if system := value(item, "system"):
            yield "system", system
        for role, text in pairs:
            yield _told(role, text, number)
        return
    role = ROLES.get(said.lower())
    if role is None:
        raise Unfit("unknown_role", f"turn {number} is of {said[:40]!r}")
    text = next((item[key] for key in ("value", "content", "text", "message") if item.get(key) is not None), None)
    if isinstance(text, list):  # OpenAI's parts of a message
        text = "\n".join(part["text"] for part in text if isinstance(part, dict) and isinstance(part.get("text"), str))
    calls = item.get("tool_calls") or [call for call in (item.get("function_call"),) if call]
    if not text and isinstance(calls, list) and calls:
        try:
            text = orjson.dumps([call.get("function", call) if isinstance(call, dict) else call for call in calls]).decode()
        except TypeError as failure:
            raise Unfit("nested_too_deep", str(failure)) from None
    if role != "system" or text:
        yield _told(role, text, number)


def _told(role: Role, text: Any, number: int) -> tuple[Role, str]:
    if not isinstance(text, str) or not text.strip():
        raise Unfit(f"empty_{role}", f"turn {number}, of the {role}, has no text")
    return role, text.strip()
