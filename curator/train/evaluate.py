"""What a trained model is worth: its loss on held-out tokens by source, and the choices it makes in questions with options."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from curator import storage
from curator.tokens import bytelevel
from curator.tokens.shards import TokenShards
from curator.train import checkpoint
from curator.train.architectures.build import build_model
from curator.train.config import TrainedRunError
from curator.train.data import micro_batches, spread
from curator.train.device import choose_device
from curator.train.model import Decoder

OPTIONS = ("A", "B", "C", "D", "E", "F")
PROMPTS = {"zh": "问题：{question}\n答案：", "en": "Question: {question}\nAnswer: "}


@dataclass(frozen=True)
class Trained:
    """A model out of its checkpoint, and the shards it was trained on."""

    model: Decoder
    shards: TokenShards
    step: int
    device: torch.device


def load(output: str, tokens: str | None = None, step: int | None = None, device: str = "auto") -> Trained:
    """The newest whole checkpoint below `output`, or that of `step`. Raises TrainedRunError, ShardError."""
    path, described = checkpoint.find(Path(output), step)
    shards = TokenShards(tokens or storage.join(output, "tokens"))
    checkpoint.check_shards(path, described, shards)
    place = choose_device(device)
    config = checkpoint.model_config(described)
    if config.architecture is not None and config.architecture.shape == "encoder_decoder":
        raise TrainedRunError(f"{path}: an encoder-decoder reads a source and a target: it has no loss of plain text to judge")
    model = build_model(config, shards.vocabulary_size, shards.sequence_length)
    checkpoint.load_weights(path, model)
    return Trained(model.to(place).eval(), shards, described["step"], place)


# ------------------------------------------------------------------------------------------------------------ perplexity


@torch.no_grad()
def perplexity(trained: Trained, split: str = "validation", sequences: int = 0, micro_batch: int = 8) -> dict[str, Any]:
    """Of each source and of all: tokens, mean loss in nats a token, perplexity, and the bits it takes to say a character and a
    byte of the text, which compare models of other vocabularies. `sequences`: at most so many, evenly spread; 0 is all.

    Bits are null where the vocabulary is not of bytes. A character counts where its first byte is a target.
    """
    shards = TokenShards(trained.shards.folder, split)
    sizes = bytelevel.lengths(shards.tokenizer(), shards.vocabulary_size)
    names = len(shards.sources)
    totals = np.zeros((names, 4))  # loss, tokens, bytes, characters
    for micro in micro_batches(shards, spread(len(shards), sequences), micro_batch, trained.device):
        losses = trained.model(micro.inputs, micro.targets).sum(dim=1).double().cpu().numpy()
        targets = micro.targets.cpu().numpy()
        real = targets >= 0  # the others are padding
        counts = [micro.counts]
        counts += [(table[targets] * real).sum(axis=1) for table in sizes] if sizes else [np.zeros(len(losses))] * 2
        for column, values in enumerate((losses, *counts)):
            totals[:, column] += np.bincount(micro.sources, weights=values, minlength=names)
    found = {name: _rates(row) for name, row in zip(shards.sources, totals, strict=True) if row[1]}
    return {"step": trained.step, "split": split, "all": _rates(totals.sum(axis=0)), "sources": found}


def _rates(totals: np.ndarray) -> dict[str, Any]:
    loss, tokens, in_bytes, characters = totals.tolist()
    mean, bits = loss / max(tokens, 1), loss / math.log(2)
    return {
        "tokens": int(tokens),
        "loss": mean,
        "perplexity": math.exp(min(mean, 700)),
        "bits_per_character": bits / characters if characters else None,
        "bits_per_byte": bits / in_bytes if in_bytes else None,
    }


# --------------------------------------------------------------------------------------------------------------- choices


@dataclass(frozen=True)
class Question:
    question: str
    options: tuple[str, ...]
    answer: int


def read_questions(path: str) -> list[Question]:
    """A CSV with the columns Question (or question), A, B, C …, Answer (a letter), as CMMLU and C-Eval have them. Raises
    TrainedRunError by file and line for one that lacks any."""
    try:
        text = storage.read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrainedRunError(f"{path}: is not UTF-8: {error}") from None
    reader = csv.DictReader(io.StringIO(text))
    try:
        return [_question(row, f"{path}:{reader.line_num}") for row in reader]
    except csv.Error as error:
        raise TrainedRunError(f"{path}:{reader.line_num}: {error}") from None


def _question(row: dict[str, Any], where: str) -> Question:
    lower = {(name or "").strip().lower(): (value or "").strip() for name, value in row.items() if isinstance(value, str)}
    options = tuple(itertools.takewhile(bool, (lower.get(letter.lower(), "") for letter in OPTIONS)))
    answer = lower.get("answer", "").upper()
    if not lower.get("question") or len(options) < 2 or answer not in OPTIONS[: len(options)]:
        raise TrainedRunError(f"{where}: needs question, options A, B … and answer, a letter of them")
    if any(lower.get(letter.lower()) for letter in OPTIONS[len(options) :]):
        raise TrainedRunError(f"{where}: has no option {OPTIONS[len(options)]}, but one after it")
    return Question(lower["question"], options, OPTIONS.index(answer))


def choices(
    trained: Trained, questions: Sequence[Question], form: Literal["cloze", "letters"] = "cloze", language: str = "zh"
) -> dict[str, Any]:
    """The share of questions whose right option the model finds likeliest, with a 95 % interval (Wilson's) and chance.

    `cloze` puts each option itself behind the question and compares the log-probability a character, which small models
    can do; `letters` lists the options and compares their letters (the two forms of OLMES, arXiv 2406.08446). A prompt that
    does not fit into a sequence loses its beginning.
    """
    words = Tokenizer.from_buffer(trained.shards.tokenizer())
    right = 0
    for question in questions:
        scores = [
            _log_probability(trained, words, prompt, answer) / (len(answer) if form == "cloze" else 1)
            for prompt, answer in _prompts(question, form, language)
        ]
        right += int(np.argmax(scores)) == question.answer
    chance = sum(1 / len(question.options) for question in questions)
    return _answered(len(questions), right, chance)


def altogether(files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What `choices` says of several files as of one: each question counts once, not each file."""
    questions, right = (sum(found[key] for found in files) for key in ("questions", "right"))
    return _answered(questions, right, sum(found["chance"] * found["questions"] for found in files))


def _answered(count: int, right: int, by_chance: float) -> dict[str, Any]:
    low, high = _wilson(right, count)
    whole = max(count, 1)
    return {
        "questions": count,
        "right": right,
        "accuracy": right / whole,
        "low": low,
        "high": high,
        "chance": by_chance / whole,
    }


def _prompts(question: Question, form: str, language: str) -> Iterator[tuple[str, str]]:
    ask = PROMPTS[language]
    if form == "cloze":
        prompt = ask.format(question=question.question)
        yield from ((prompt, option) for option in question.options)
        return
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(OPTIONS, question.options))
    prompt = ask.format(question=f"{question.question}\n{listed}")
    yield from ((prompt, letter) for letter in OPTIONS[: len(question.options)])


@torch.no_grad()
def _log_probability(trained: Trained, words: Tokenizer, prompt: str, answer: str) -> float:
    """Of the answer's tokens after the prompt's, each encoded by itself, so that the prompt is the same for all answers."""
    before = words.encode(prompt, add_special_tokens=False).ids
    after = words.encode(answer, add_special_tokens=False).ids
    ids = [trained.shards.eos, *before, *after][-(trained.shards.sequence_length + 1) :]
    asked = min(len(after), len(ids) - 1)
    inputs = torch.tensor(ids[:-1], device=trained.device)[None]
    logits = trained.model(inputs)[0, -asked:]
    targets = torch.tensor(ids[-asked:], device=trained.device)
    return float(-F.cross_entropy(logits, targets, reduction="sum"))


def _wilson(right: int, count: int) -> tuple[float, float]:
    if not count:
        return 0.0, 1.0
    z, share = 1.96, right / count
    middle = share + z * z / (2 * count)
    around = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low, high = (middle - around) / (1 + z * z / count), (middle + around) / (1 + z * z / count)
    return max(low, 0.0), min(high, 1.0)
