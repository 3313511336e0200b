"""A model's folder: `model.bin` (KenLM's binary), `manifest.json`, and `sentencepiece.model` where its tokens are pieces.

The manifest says what the model was made of and how, so that text is scored as it was trained, and holds the size and the
sha256 of each file: they are checked, and the binary is walked over, before anything is read from it. CCNet's own pairs
(`zh.arpa.bin` beside `zh.sp.model`) have no manifest; they are opened as what they are, with only the walk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from curator import storage
from curator.lm.binary import Model, open_binary
from curator.lm.errors import LanguageModelError
from curator.lm.scoring import Scores, characters, float_sums, per_line, score_tokens
from curator.lm.tokens import REVISION, TOKENS, Tokens, lines, sentencepiece_model, spelled, tokenised

FORMAT, VERSION = "curator-lm", 1
MANIFEST, MODEL, PIECES, ARPA = "manifest.json", "model.bin", "sentencepiece.model", "model.arpa"
CCNET_MODEL, CCNET_PIECES = ".arpa.bin", ".sp.model"

_UNSOUND = "a manifest that does not hold together: damaged, or written by hand"

_opened: dict[tuple[str, ...], LanguageModel] = {}  # by the digests of their files, for as long as the worker lives


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a model is. `files` holds size and sha256 of each; `sources` the documents, characters and a digest of each."""

    tokens: Tokens
    variants: bool
    order: int
    prune: Sequence[int]
    estimator: str
    documents: int
    words: int
    ngrams: Sequence[int]
    sources: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, Mapping[str, Any]]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    languages: Sequence[str] = ()
    discounts: Sequence[Sequence[float]] | None = None
    fallbacks: Sequence[int] | None = None
    rules: int = REVISION
    unicode: str = ""
    format: str = FORMAT
    version: int = VERSION

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n"


@dataclass(frozen=True)
class Judgement:
    """What a model says of texts, a value each; NaN where a text has no token. Perplexities are 10 to the mean negative log10
    probability: by token (the end of the document being one), by character, and of the worst window."""

    perplexity: np.ndarray
    per_character: np.ndarray
    worst: np.ndarray
    unknown: np.ndarray


@dataclass(frozen=True)
class LanguageModel:
    """An open model and its tokens."""

    model: Model
    tokens: Tokens
    variants: bool = True
    pieces: Any = None

    def judge(self, texts: pa.Array, window: int) -> Judgement:
        """Score texts. A model of pieces gives CCNet's number, rounded to one decimal as there."""
        lengths = None
        if self.tokens == "sentencepiece":
            spoken = [" ".join(spelled(text, self.pieces)) if text else "" for text in texts.to_pylist()]
            lengths = np.array([len(line.split()) + 1 for line in spoken], np.float64)
            data, ends = lines(spoken)
        else:
            data, ends = tokenised(texts, self.tokens, self.variants)
        scores = score_tokens(self.model, data, len(texts))
        sums, worst, unknown = per_line(scores, window)
        counted = np.diff(scores.ends, prepend=0).astype(np.float64)
        empty = counted < 2
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            judged = Judgement(
                perplexity=10.0 ** (-sums / counted) if lengths is None else _ccnet(scores, lengths),
                per_character=10.0 ** (-sums / characters(data, ends)),
                worst=10.0**-worst,
                unknown=unknown / (counted - 1),
            )
        for each in fields(judged):
            getattr(judged, each.name)[empty] = np.nan
        return judged


def _ccnet(scores: Scores, lengths: np.ndarray) -> np.ndarray:
    sums = float_sums(scores.logs, scores.ends).tolist()
    return np.array([round(10.0 ** min(-total / length, 300.0), 1) for total, length in zip(sums, lengths.tolist())])


# ------------------------------------------------------------------------------------------------------------- opening


def model_files(path: str) -> list[str]:
    """The files that an open model depends on."""
    if _is_pair(path):
        return [path, _pieces_of(path)]
    names = [MANIFEST, MODEL]
    if storage.exists(storage.join(path, PIECES)):
        names.append(PIECES)
    return [storage.join(path, name) for name in names]


def open_model(path: str) -> LanguageModel:
    """The model in a folder, or of CCNet's pair of files. Raises LanguageModelError, with its name, for a missing, changed or
    broken one. Opened once a process."""
    return _open_pair(path) if _is_pair(path) else _open_folder(path.rstrip("/"))


def _is_pair(path: str) -> bool:
    return path.endswith(CCNET_MODEL)


def _pieces_of(path: str) -> str:
    return path.removesuffix(CCNET_MODEL) + CCNET_PIECES


def _open_pair(path: str) -> LanguageModel:
    pieces = _pieces_of(path)
    key = (_digest(path), _digest(pieces))
    if key not in _opened:
        opened = open_binary(storage.local(path))
        _opened[key] = LanguageModel(opened, "sentencepiece", pieces=sentencepiece_model(storage.read_bytes(pieces), pieces))
    return _opened[key]


def _open_folder(folder: str) -> LanguageModel:
    manifest = read_manifest(folder)
    found = {name: storage.join(folder, name) for name in manifest.files if name != ARPA}
    for name, path in found.items():
        _check_file(path, manifest.files[name])
    key = (manifest.tokens, str(manifest.variants), *(_digest(path) for path in found.values()))
    if key not in _opened:
        pieces = None
        if manifest.tokens == "sentencepiece":
            pieces = sentencepiece_model(storage.read_bytes(found[PIECES]), found[PIECES])
        opened = open_binary(storage.local(found[MODEL]))
        _opened[key] = LanguageModel(opened, manifest.tokens, manifest.variants, pieces)
    return _opened[key]


def read_manifest(folder: str) -> Manifest:
    """Raises LanguageModelError for a folder without one, or with one that cannot be used."""
    path = storage.join(folder, MANIFEST)
    try:
        held = orjson.loads(storage.read_bytes(path))
    except OSError as error:
        raise LanguageModelError(f"{path}: {error.strerror or error}: not a folder of `curator lm train`") from None
    except orjson.JSONDecodeError as error:
        raise LanguageModelError(f"{path}: not JSON ({error})") from None
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise LanguageModelError(f"{path}: not the manifest of a language model")
    if held.get("version") != VERSION or held.get("rules") != REVISION:
        raise LanguageModelError(
            f"{path}: of version {held.get('version')} and token rules {held.get('rules')}, this curator has {VERSION} and"
            f" {REVISION}: train the model again"
        )
    try:
        manifest = Manifest(**held)
        wanted = {MODEL, PIECES} if manifest.tokens == "sentencepiece" else {MODEL}
        sound = manifest.tokens in TOKENS and wanted == set(manifest.files) - {ARPA}
        sound = sound and all(isinstance(file["size"], int) and file["sha256"] for file in manifest.files.values())
    except (TypeError, KeyError, AttributeError):
        raise LanguageModelError(f"{path}: {_UNSOUND}") from None
    if not sound:
        raise LanguageModelError(f"{path}: {_UNSOUND}")
    return manifest


def _check_file(path: str, file: Mapping[str, Any]) -> None:
    try:
        size = storage.local(path).stat().st_size
    except OSError as error:
        raise LanguageModelError(f"{path}: {error.strerror or error}") from None
    if size != file["size"]:
        raise LanguageModelError(f"{path}: {size} bytes, its manifest says {file['size']}: truncated or changed")
    if _digest(path) != file["sha256"]:
        raise LanguageModelError(f"{path}: its sha256 is not the one in its manifest: damaged or changed")


def _digest(path: str) -> str:
    try:
        return storage.content_digest(path)
    except OSError as error:
        raise LanguageModelError(f"{path}: {error.strerror or error}") from None
