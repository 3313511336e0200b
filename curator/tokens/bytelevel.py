"""Byte-level vocabularies: the characters that stand for bytes in a `tokenizer.json`, and what a token's bytes come to."""

from __future__ import annotations

import json

import numpy as np


def byte_characters() -> dict[str, int]:
    """GPT-2's printable stand-in for each byte: printable Latin-1 stands for itself, the rest is counted from U+0100."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(0x100 + i): b for i, b in enumerate(others)}


def lengths(tokenizer: bytes, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Bytes, and characters that begin in them, of every id below `size` of a `tokenizer.json`; both int64. A special token has
    none. None if the tokens of the vocabulary are not bytes."""
    described = json.loads(tokenizer)
    added = {token["content"] for token in described.get("added_tokens") or ()}
    to_byte = byte_characters()
    in_bytes, in_characters = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for token, number in described["model"]["vocab"].items():
        if token in added:
            continue
        try:
            data = [to_byte[character] for character in token]
        except KeyError:
            return None
        in_bytes[number] = len(data)
        in_characters[number] = sum(byte & 0xC0 != 0x80 for byte in data)
    return in_bytes, in_characters
