"""More merges for Chinese on a vocabulary that has few: no old id changes, and what holds no Chinese is encoded as before.

Byte-level BPE applies merges in their order, so merges that come after all the old ones act on what the old ones have left:
the ids of the base are the symbols of the new training. A symbol is written as one code point, the library trains plain BPE on
the runs of Chinese, as the base's own pre-tokenizer cuts them, and its merges are spelt back in the base's tokens. New tokens
hold no ASCII, so English, digits and code keep their ids.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from curator.errors import UserError
from curator.tokens.bytelevel import byte_characters
from curator.tokens.vocabulary import unlike_byte_level

SYMBOLS = 0x10000  # code points from here on stand for ids: over a million
BETWEEN = " "
BATCH = 256  # texts
# Runs of Han characters with the punctuation that no other script uses: not “ and —, or English would change.
_PUNCTUATION = "\u3000-\u3003\u3005-\u3020\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
CHINESE = re.compile(f"[{_PUNCTUATION}]*[{_HAN}][{_HAN}{_PUNCTUATION}]*")

# Beside the tokenizer: a row for each new id, in their order. A special token has no bytes, and no ids of the base.
NEW_TOKENS = pa.schema([("id", pa.int32()), ("bytes", pa.binary()), ("text", pa.string()), ("base_ids", pa.list_(pa.int32()))])


class ExtensionError(UserError, ValueError):
    """A base that cannot be extended, or by nothing."""


def extend(
    base: bytes,
    texts: Iterable[str],
    *,
    size: int,
    special: Sequence[str] = (),
    min_frequency: int = 2,
    max_token_bytes: int = 24,
) -> tuple[bytes, pa.Table]:
    """The `tokenizer.json` of `size` ids in all, or as many as the texts give, and the table NEW_TOKENS.

    `special` tokens that the base lacks get the last ids. Raises ExtensionError if the base is not byte-level BPE, or has as
    many ids already.
    """
    described = json.loads(base)
    reason = unlike_byte_level(described)
    if reason:
        raise ExtensionError(f"base: only byte-level BPE can be extended, and {reason}")
    model = described["model"]
    added = {token["content"]: token["id"] for token in described.get("added_tokens") or ()}
    known: dict[str, int] = {**model["vocab"], **added}  # in the model too, or the library numbers added tokens anew
    first = max(known.values()) + 1
    missing = [token for token in special if token not in known]
    wanted = size - first - len(missing)
    if wanted < 1:
        raise ExtensionError(f"size: the base has {first} ids already, so size must be above {first + len(missing)}")
    merges = _train(_symbols(Tokenizer.from_buffer(base), model["vocab"], texts), known, wanted, min_frequency, max_token_bytes)
    if not merges:
        raise ExtensionError("the sample has no Chinese from which a merge could be learnt")
    news = [left + right for left, right in merges] + missing
    numbered = {**known, **{token: first + place for place, token in enumerate(news)}}
    pairs = [pair.split(" ") if isinstance(pair, str) else list(pair) for pair in model["merges"]]
    described["model"] = {**model, "vocab": numbered, "merges": [*pairs, *map(list, merges)]}
    described["added_tokens"] = [
        *(described.get("added_tokens") or ()),
        *(special_token(token, numbered[token]) for token in missing),
    ]
    return json.dumps(described, ensure_ascii=False, indent=2).encode(), _table(merges, missing, known, first)


def initial_embeddings(matrix: np.ndarray, table: pa.Table) -> np.ndarray:
    """The rows for the ids of NEW_TOKENS, in their order: the mean of the base's rows of the ids that spelt the token before,
    of all rows for a special one. For the embedding and the output matrix alike."""
    rows = [matrix[ids].mean(axis=0) if ids else matrix.mean(axis=0) for ids in table.column("base_ids").to_pylist()]
    return np.stack(rows).astype(matrix.dtype)


def special_token(token: str, number: int) -> dict[str, Any]:
    """An entry of `added_tokens`."""
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": token, **plain, "special": True}


def _symbols(base: Tokenizer, vocabulary: Mapping[str, int], texts: Iterable[str]) -> Iterator[str]:
    """For each text, what the base makes of its Chinese: the ids of a word side by side, a code point an id."""
    to_byte = byte_characters()
    symbols = {number: chr(SYMBOLS + number) for number in vocabulary.values()}
    symbols |= {number: BETWEEN for token, number in vocabulary.items() if any(to_byte.get(c, 0) < 0x80 for c in token)}
    chinese = ("\n".join(runs) for text in texts if (runs := CHINESE.findall(text)))
    while batch := list(itertools.islice(chinese, BATCH)):
        for encoding in base.encode_batch(batch, add_special_tokens=False):
            written: list[str] = []
            last: int | None = None
            for number, word in zip(encoding.ids, encoding.word_ids):
                if word != last:
                    written.append(BETWEEN)
                    last = word
                written.append(symbols[number])
            yield "".join(written)


def _train(
    symbols: Iterable[str], known: Mapping[str, int], wanted: int, min_frequency: int, max_token_bytes: int
) -> list[tuple[str, str]]:
    """The merges, in order, as pairs of byte-level tokens."""
    lines = list(symbols)
    alphabet = len(set().union(*lines) - {BETWEEN})
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=alphabet + 2 * wanted,  # some are longer than they may be, and fall out below
        min_frequency=min_frequency,
        max_token_length=max_token_bytes + 1,  # a symbol is a byte at least
        show_progress=False,
    )
    bpe.train_from_iterator(lines, trainer)
    token_of = {number: token for token, number in known.items()}
    merges: list[tuple[str, str]] = []
    made = set(known)
    for pair in json.loads(bpe.to_str())["model"]["merges"]:
        left, right = ("".join(token_of[ord(symbol) - SYMBOLS] for symbol in side) for side in pair)
        if len(left + right) <= max_token_bytes and left + right not in made:
            merges.append((left, right))
            made.add(left + right)
            if len(merges) == wanted:
                break
    return merges


def _table(merges: Sequence[tuple[str, str]], missing: Sequence[str], known: Mapping[str, int], first: int) -> pa.Table:
    to_byte = byte_characters()
    spelt: dict[str, list[int]] = {}
    rows = []
    for place, (left, right) in enumerate(merges):
        sides = ([known[side]] if side in known else spelt[side] for side in (left, right))
        spelt[left + right] = [number for side in sides for number in side]
        data = bytes(to_byte[c] for c in left + right)
        row = {"id": first + place, "bytes": data, "text": data.decode("utf-8", errors="replace")}
        rows.append({**row, "base_ids": spelt[left + right]})
    for place, token in enumerate(missing, first + len(merges)):
        rows.append({"id": place, "bytes": None, "text": token, "base_ids": []})
    return pa.Table.from_pylist(rows, schema=NEW_TOKENS)
