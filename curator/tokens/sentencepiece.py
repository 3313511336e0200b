"""SentencePiece's `.model` as `tokenizer.json`, without its library: a protocol buffer of pieces, scores and a normalizer.

BPE: SentencePiece merges the neighbours whose piece has the best score, so every way to cut a piece in two pieces is a merge,
in the order of scores. Unigram: the same pieces and scores. Both write `▁` for a blank.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

BLANK = "▁"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE, UNUSED = 1, 2, 3, 4, 6, 5  # kinds of pieces
UNIGRAM, BPE = 1, 2  # kinds of models
MOST_BYTES = 256 << 20


@dataclass
class Model:
    """What of a `.model` decides on ids; the defaults are the format's."""

    pieces: list[tuple[str, float, int]] = field(default_factory=list)
    kind: int = UNIGRAM
    byte_fallback: bool = False
    characters: bytes = b""  # the precompiled map of the normalizer
    dummy_prefix: bool = True
    squeeze_blanks: bool = True


def read(data: bytes) -> bytes:
    """Raises ValueError if these are no bytes of such a model."""
    model = parse(data)
    if model.kind not in (UNIGRAM, BPE) or not model.pieces:
        raise ValueError("only BPE and unigram models of SentencePiece can be read")
    unknown = next((number for number, piece in enumerate(model.pieces) if piece[2] == UNKNOWN), None)
    made = Tokenizer(_bpe(model, unknown) if model.kind == BPE else _unigram(model, unknown))
    steps = [normalizers.Precompiled(model.characters)] if model.characters else []
    if model.squeeze_blanks:
        steps += [normalizers.Replace(Regex("^ +| +$"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    if steps:
        made.normalizer = normalizers.Sequence(steps)
    scheme = "always" if model.dummy_prefix else "never"
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme=scheme, split=False)
    blanks = [decoders.Replace(BLANK, " ")]
    strip = [decoders.Strip(" ", 1, 0)] if model.dummy_prefix else []
    made.decoder = decoders.Sequence(
        [*blanks, *([decoders.ByteFallback()] if model.byte_fallback else []), decoders.Fuse(), *strip]
    )
    for text, _, kind in model.pieces:
        if kind in (UNKNOWN, CONTROL):
            made.add_special_tokens([AddedToken(text, normalized=False, special=True)])
        elif kind == USER_DEFINED:
            made.add_tokens([AddedToken(text, normalized=False)])
    return json.dumps(json.loads(made.to_str()), ensure_ascii=False, indent=1).encode()


def _bpe(model: Model, unknown: int | None) -> models.BPE:
    vocabulary = {text: number for number, (text, _, _) in enumerate(model.pieces)}
    usable = {text: score for text, score, kind in model.pieces if kind in (NORMAL, USER_DEFINED)}
    merges: list[tuple[float, int, str, str]] = []
    for text, score in usable.items():
        for cut in range(1, len(text)):
            left, right = text[:cut], text[cut:]
            if left in usable and right in usable:
                merges.append((-score, vocabulary[text], left, right))
    merges.sort(key=lambda merge: merge[:2])
    return models.BPE(
        vocabulary,
        [(left, right) for _, _, left, right in merges],
        unk_token=None if unknown is None else model.pieces[unknown][0],
        fuse_unk=True,
        byte_fallback=model.byte_fallback,
    )


def _unigram(model: Model, unknown: int | None) -> models.Unigram:
    scored = [(text, score) for text, score, _ in model.pieces]
    return models.Unigram(scored, unknown, model.byte_fallback)


# ---------------------------------------------------------------------------------------------------- protocol buffers


def parse(data: bytes) -> Model:
    """ModelProto: pieces (1), trainer (2), normalizer (3). Raises ValueError if the bytes are no such thing."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"over {MOST_BYTES} bytes")
    model = Model()
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            found = dict(_fields(value))
            text, score = found.get(1, b""), found.get(2, b"\0\0\0\0")
            if not isinstance(text, bytes) or not isinstance(score, bytes) or len(score) != 4:
                raise ValueError("a piece of another shape")
            model.pieces.append((text.decode(), struct.unpack("<f", score)[0], int(found.get(3, NORMAL))))  # type: ignore[arg-type]
        elif number == 2 and isinstance(value, bytes):
            trainer = dict(_fields(value))
            model.kind = int(trainer.get(3, UNIGRAM))  # type: ignore[arg-type]
            model.byte_fallback = bool(trainer.get(35, 0))
        elif number == 3 and isinstance(value, bytes):
            normalizer = dict(_fields(value))
            model.characters = bytes(normalizer.get(2, b""))  # type: ignore[arg-type]
            model.dummy_prefix = bool(normalizer.get(3, 1))
            model.squeeze_blanks = bool(normalizer.get(4, 1))
    return model


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of a message: an integer, or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("not a protocol buffer, or cut short")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not a protocol buffer, or cut short")
