"""The loss of every document of a validation set under a trained model. Needs torch."""

from __future__ import annotations

import numpy as np
import torch
from tokenizers import Tokenizer

from curator.ablation.held_out import HeldOut
from curator.train.evaluate import Trained

AT_ONCE = 16


@torch.no_grad()
def losses(trained: Trained, held: HeldOut) -> np.ndarray:
    """Nats a document (float64): all its tokens, each from what stands before it in its window. A document begins behind an
    end of text, as in training; one that is longer than a sequence is cut into windows that do not overlap."""
    words = Tokenizer.from_buffer(trained.shards.tokenizer())
    length, eos = trained.shards.sequence_length, trained.shards.eos
    windows: list[tuple[int, list[int]]] = []
    for number, encoded in enumerate(words.encode_batch(list(held.texts), add_special_tokens=False)):
        ids = [eos, *encoded.ids]
        windows += [(number, ids[at : at + length + 1]) for at in range(0, len(ids) - 1, length)]
    windows.sort(key=lambda window: (len(window[1]), window[0]))  # little padding, and the same order every time
    nats = np.zeros(len(held.texts))
    for at in range(0, len(windows), AT_ONCE):
        some = windows[at : at + AT_ONCE]
        width = len(some[-1][1])
        ids = torch.tensor([window + [eos] * (width - len(window)) for _, window in some], device=trained.device)
        found = trained.model(ids[:, :-1].contiguous(), ids[:, 1:].contiguous()).double().cpu().numpy()
        real = np.arange(width - 1) < np.array([[len(window) - 1] for _, window in some])
        np.add.at(nats, [number for number, _ in some], np.where(real, found, 0).sum(axis=1))
    return nats
