"""Normalisation: which, and the constants by which DeepNorm weighs the residual stream."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from curator.train.architectures.config import NormKind


def build_norm(kind: NormKind, width: int, epsilon: float, bias: bool) -> nn.Module:
    """RMSNorm (arXiv 1910.07467) has a gain alone; LayerNorm (arXiv 1607.06450) a bias too, if the model has any."""
    return nn.RMSNorm(width, eps=epsilon) if kind == "rms" else nn.LayerNorm(width, eps=epsilon, bias=bias)


class Deep(NamedTuple):
    """`alpha` weighs the stream where a branch is added to it, `beta` the first weights of values, outputs and feed-forward."""

    alpha: float
    beta: float


def deep_constants(encoder_layers: int, decoder_layers: int) -> tuple[Deep, Deep]:
    """Of an encoder's layers and of a decoder's (DeepNet, arXiv 2203.00555, figure 2). Without an encoder: a decoder alone."""
    n, m = encoder_layers, decoder_layers
    if not n:
        return Deep(1.0, 1.0), Deep((2 * m) ** 0.25, (8 * m) ** -0.25)
    return Deep(0.81 * (n**4 * m) ** (1 / 16), 0.87 * (n**4 * m) ** (-1 / 16)), Deep((3 * m) ** 0.25, (12 * m) ** -0.25)
