"""A Hugging Face folder with a sequence classifier: checked as files before a library opens it, then run.

What is opened is `config.json`, `tokenizer.json` and safetensors: data, none of it code. Pickled weights, code that comes with
a model, adapters and quantised weights are refused, and so are weights that leave any part of the network as it was drawn.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from curator import storage
from curator.errors import UserError

CONFIG, TOKENIZER, WEIGHTS, INDEX = "config.json", "tokenizer.json", "model.safetensors", "model.safetensors.index.json"
MOST_JSON = 64 << 20
MOST_HEADER = 100 << 20  # of safetensors, as its own library allows
LENGTHS = 32  # on a GPU texts are filled up to a multiple of so many tokens: few shapes, each with its own fixed kernels
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1, "U8": 1}
_BYTES |= {"BOOL": 1}


class ClassifierError(UserError, ValueError):
    """A model that cannot be used, in words for the user."""


@dataclass(frozen=True)
class Scored:
    """Of windows of text: a row each of what the heads say, as probabilities or, with one head, as the number itself."""

    labels: tuple[str, ...]
    values: np.ndarray  # float64


# ------------------------------------------------------------------------------------------------------ files, unopened


def model_files(folder: str) -> list[str]:
    """The files of a model, those that should be there if they are not."""
    index = os.path.join(folder, INDEX)
    weights = _weight_files(index) if os.path.isfile(index) else [WEIGHTS]
    return [os.path.join(folder, name) for name in (CONFIG, TOKENIZER, *weights)]


def check_folder(folder: str, max_tokens: int, sha256: str | None = None) -> dict[str, Any]:
    """The configuration of a whole and harmless model. Raises ClassifierError, with the file's name, for any other."""
    if storage.is_remote(folder) or not os.path.isdir(folder):
        raise ClassifierError(f"model: {folder} is no folder on this machine; a hub's models are brought here first")
    config = _json(os.path.join(folder, CONFIG))
    for key, why in (("auto_map", "brings code of its own"), ("quantization_config", "is quantised")):
        if key in config:
            raise ClassifierError(f"{folder}: the model {why} ({key} in {CONFIG}), which is not opened")
    if os.path.exists(os.path.join(folder, "adapter_config.json")):
        raise ClassifierError(f"{folder}: is an adapter: merge it into its model first")
    architectures = config.get("architectures") or []
    if not any(isinstance(name, str) and name.endswith("ForSequenceClassification") for name in architectures):
        raise ClassifierError(f"{folder}: {CONFIG} names {architectures}, none of which is …ForSequenceClassification")
    most = config.get("max_position_embeddings")
    if isinstance(most, int) and "roberta" in str(config.get("model_type")):
        most -= 1 + int(config.get("pad_token_id") or 0)  # its positions begin behind that of padding
    if isinstance(most, int) and max_tokens > most:
        raise ClassifierError(f"max_tokens: {max_tokens}, and the model reads {most} at most")
    _json(os.path.join(folder, TOKENIZER))
    weights = model_files(folder)[2:]
    for path in weights:
        check_safetensors(path)
    if sha256 is not None:
        if len(weights) > 1:
            raise ClassifierError(f"sha256: the weights of {folder} are {len(weights)} files; it pins a single {WEIGHTS}")
        if storage.content_digest(weights[0]) != sha256.lower():
            raise ClassifierError(f"{weights[0]}: its sha256 is {storage.content_digest(weights[0])}, the recipe pins {sha256}")
    return config


def _json(path: str) -> dict[str, Any]:
    try:
        if os.path.getsize(path) > MOST_JSON:
            raise ClassifierError(f"{path}: {os.path.getsize(path):,} bytes are too many")
        with open(path, "rb") as stream:
            found = json.loads(stream.read())
    except OSError as error:
        raise ClassifierError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, ClassifierError):
            raise
        raise ClassifierError(f"{path}: damaged: {error}") from None
    if not isinstance(found, dict):
        raise ClassifierError(f"{path}: is no mapping")
    return found


def _weight_files(index: str) -> list[str]:
    parts = _json(index).get("weight_map")
    names = sorted({str(name) for name in parts.values()}) if isinstance(parts, dict) else []
    if not names or not all(re.fullmatch(r"[\w.-]+\.safetensors", name) for name in names):
        raise ClassifierError(f"{index}: names no safetensors beside it")
    return names


def check_safetensors(path: str) -> None:
    """Raise ClassifierError unless the file is whole: tensors of the size that their shapes say, one after the other to its
    end. Layout: README of huggingface/safetensors, "Format"."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as stream:
            head = stream.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
            if length > min(MOST_HEADER, size - 8):
                raise ClassifierError(f"{path}: {size} bytes that are no safetensors, or end early")
            header = json.loads(stream.read(length))
        tensors = [value for name, value in header.items() if name != "__metadata__"]
        spans = sorted((*tensor["data_offsets"], _BYTES[tensor["dtype"]] * math.prod(tensor["shape"])) for tensor in tensors)
    except OSError as error:
        raise ClassifierError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, ClassifierError):
            raise
        raise ClassifierError(f"{path}: its header is damaged: {type(error).__name__}: {error}") from None
    at = 0
    for start, stop, wanted in spans:
        if start != at or stop - start != wanted:
            raise ClassifierError(f"{path}: a tensor of {wanted} bytes lies from {start} to {stop}: damaged")
        at = stop
    if at != size - 8 - length:
        raise ClassifierError(f"{path}: {at} bytes of tensors in {size - 8 - length}: truncated or damaged")


# --------------------------------------------------------------------------------------------------------------- running


class Classifier:
    """A model in memory. A window's scores depend on it alone: on a CPU windows go through one at a time, in one thread; on a
    GPU in batches of a fixed number of windows and of fixed lengths, so that every window meets the same kernels."""

    def __init__(self, folder: str, device: Literal["cpu", "cuda"], max_tokens: int, batch: int) -> None:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModelForSequenceClassification
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        if device == "cuda" and not torch.cuda.is_available():
            raise ClassifierError("device: there is no GPU here; ask for one with `resources: {gpu: 1}`, or take `device: cpu`")
        try:
            self._tokenizer = Tokenizer.from_file(os.path.join(folder, TOKENIZER))
            model, told = AutoModelForSequenceClassification.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation="eager",
                output_loading_info=True,
            )
        except Exception as error:  # the libraries raise whatever they like
            raise ClassifierError(f"{folder}: cannot be opened: {type(error).__name__}: {_first_line(error)}") from None
        lacking = [*told["missing_keys"], *told["mismatched_keys"]]
        if lacking:
            named = ", ".join(map(str, sorted(lacking)[:3]))
            raise ClassifierError(f"{folder}: its weights lack {named}: it was not trained as a classifier")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._torch, self._device, self._batch = torch, device, batch if device == "cuda" else 1
        self._model = model.to(device).eval()
        self._max_tokens = max_tokens
        names = model.config.id2label
        self.labels = tuple(str(names[number]) for number in range(model.config.num_labels))
        self._activation = "none" if len(self.labels) == 1 else "sigmoid" if _multi_label(model.config) else "softmax"
        self._padding = model.config.pad_token_id or 0
        highest = max(self._tokenizer.get_vocab().values(), default=0)
        if highest >= model.config.vocab_size:
            raise ClassifierError(
                f"{folder}: the tokenizer has a token {highest}, and the model {model.config.vocab_size} tokens"
            )

    def windows(self, text: str, most: int) -> tuple[list[list[int]], bool]:
        """Token ids of the first `most` windows of a text, special tokens in each, and whether there was more. None for a text
        without a token of its own. A window is sought in 16 characters a token, so that a long text costs no more."""
        reach = 16 * self._max_tokens * most
        first = self._tokenizer.encode(text[:reach])
        found = [e.ids for e in (first, *first.overflowing) if not all(e.special_tokens_mask)]
        return found[:most], len(found) > most or len(text) > reach

    def scores(self, windows: Sequence[Sequence[int]]) -> np.ndarray:
        """A row of float64 for each window, a column for each label."""
        found = np.zeros((len(windows), len(self.labels)))
        with self._one_thread(), self._torch.inference_mode():
            for places in self._batches(windows):
                found[places] = self._forward([windows[place] for place in places])
        return found

    def _batches(self, windows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        order = sorted(range(len(windows)), key=lambda place: len(windows[place]))
        same: dict[int, list[int]] = {}
        for place in order:
            same.setdefault(-(-len(windows[place]) // LENGTHS), []).append(place)
        for places in same.values():
            for at in range(0, len(places), self._batch):
                yield places[at : at + self._batch]

    def _forward(self, windows: Sequence[Sequence[int]]) -> np.ndarray:
        rows = 1 if self._batch == 1 else self._batch
        longest = max(map(len, windows))
        width = longest if self._batch == 1 else -(-longest // LENGTHS) * LENGTHS
        ids = np.full((rows, min(width, max(longest, self._max_tokens))), self._padding, np.int64)
        mask = np.zeros_like(ids)
        mask[:, 0] = 1  # rows that only fill the batch need something to look at
        for row, window in enumerate(windows):
            ids[row, : len(window)], mask[row, : len(window)] = window, 1
        given = {"input_ids": ids, "attention_mask": mask}
        tensors = {name: self._torch.from_numpy(array).to(self._device) for name, array in given.items()}
        try:
            logits = self._model(**tensors).logits.float().cpu().numpy().astype(np.float64)[: len(windows)]
        except self._torch.OutOfMemoryError:
            rows, width = ids.shape
            raise ClassifierError(f"batch: {rows} windows of {width} tokens do not fit into the memory of the GPU") from None
        if self._activation == "sigmoid":
            return 1 / (1 + np.exp(-logits))
        if self._activation == "softmax":
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        return logits

    @contextmanager
    def _one_thread(self) -> Iterator[None]:
        before = self._torch.get_num_threads()
        self._torch.set_num_threads(1)
        try:
            yield
        finally:
            self._torch.set_num_threads(before)


def _multi_label(config: Any) -> bool:
    return config.problem_type == "multi_label_classification"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]


_opened: dict[tuple[object, ...], Classifier | ClassifierError] = {}  # by content, for as long as the worker lives


def classifier(folder: str, device: Literal["cpu", "cuda"], max_tokens: int, batch: int) -> Classifier:
    """The model of a folder, opened once a process and content. Raises ClassifierError."""
    key = (device, max_tokens, batch, *(storage.content_digest(path) for path in model_files(folder)))
    if key not in _opened:
        try:
            check_folder(folder, max_tokens)
            _opened[key] = Classifier(folder, device, max_tokens, batch)
        except ClassifierError as error:  # not tried again for each document
            _opened[key] = error
    found = _opened[key]
    if isinstance(found, ClassifierError):
        raise found
    return found


def labels_of(config: Mapping[str, Any]) -> list[str]:
    """The labels that a configuration names, in the order of the heads; one without a name is a number to be told."""
    named = config.get("id2label")
    if isinstance(named, dict) and named:
        return [str(named[key]) for key in sorted(named, key=lambda k: int(k) if str(k).isdigit() else 0)]
    count = config.get("num_labels", 2)
    return [f"LABEL_{number}" for number in range(count if isinstance(count, int) else 2)]
