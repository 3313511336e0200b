"""A mixture of experts in the place of a feed-forward layer, and the losses that its router learns balance by."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from curator.train.architectures.activations import GATED, PLAIN
from curator.train.architectures.config import Activation, ExpertsConfig
from curator.train.linear import linear


def balance_loss(probabilities: Tensor, chosen: Tensor) -> Tensor:
    """count x sum over experts of (share of tokens that chose it) x (mean probability): `top` where all are used alike, up to
    `top` x count (Switch, arXiv 2101.03961, equations 4 to 6). `probabilities`: tokens x count; `chosen`: tokens x top."""
    count = probabilities.shape[1]
    shares = F.one_hot(chosen, count).sum(dim=1).float().mean(dim=0)
    return count * (shares * probabilities.mean(dim=0)).sum()


def z_loss(logits: Tensor) -> Tensor:
    return logits.logsumexp(dim=-1).square().mean()


def weights_of(probabilities: Tensor, top: int) -> tuple[Tensor, Tensor]:
    """The picked experts of each token, best first, and what their outputs are multiplied by."""
    weights, chosen = probabilities.topk(top, dim=-1)
    return (weights / weights.sum(dim=-1, keepdim=True) if top > 1 else weights), chosen


def within_capacity(chosen: Tensor, count: int, capacity: int) -> Tensor:
    """Which choices (tokens x top) find room, if an expert takes `capacity` of them in the order of tokens, so that no token's
    place depends on what follows it."""
    taken = F.one_hot(chosen.flatten(), count)
    before = (taken.cumsum(dim=0) - taken).gather(1, chosen.flatten()[:, None])[:, 0]
    return (before < capacity).view_as(chosen)


class Stacked(nn.Module):
    """A linear layer of each expert, in one weight (count x outer x inner): ranks that divide the experts take slices of it."""

    def __init__(self, count: int, inner: int, outer: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, outer, inner))
        self.bias = nn.Parameter(torch.empty(count, outer)) if bias else None

    def parts(self) -> list[tuple[Tensor, Tensor | None]]:
        """Weight and bias of every expert that is here."""
        weights = _here(self.weight).unbind()
        return list(zip(weights, [None] * len(weights) if self.bias is None else _here(self.bias).unbind(), strict=True))


def _here(weight: Tensor) -> Tensor:
    """Of experts divided among ranks, this rank's."""
    return weight.to_local() if isinstance(weight, DTensor) else weight


class FeedForwards(nn.Module):
    """As many feed-forward layers as there are experts. `rows` are in the order of experts, `counts` of them for each."""

    def __init__(self, count: int, activation: Activation, width: int, inner: int, bias: bool) -> None:
        super().__init__()
        self.activation = (GATED | PLAIN)[activation]
        self.gate_proj = Stacked(count, width, inner, bias) if activation in GATED else None
        self.up_proj = Stacked(count, width, inner, bias)
        self.down_proj = Stacked(count, inner, width, bias)

    def forward(self, rows: Tensor, counts: Tensor) -> Tensor:
        pieces = rows.split(counts.tolist())  # one without rows is run on none, so that it has a gradient of 0
        inner = [linear(piece, *up) for piece, up in zip(pieces, self.up_proj.parts(), strict=True)]
        if self.gate_proj is None:
            inner = [self.activation(each) for each in inner]
        else:
            gates = zip(pieces, self.gate_proj.parts(), inner, strict=True)
            inner = [self.activation(linear(piece, *gate)) * each for piece, gate, each in gates]
        return torch.cat([linear(each, *down) for each, down in zip(inner, self.down_proj.parts(), strict=True)])


class Experts(nn.Module):
    """Gives its output and the weighed losses of its router; a token none of whose experts had room comes out as 0."""

    def __init__(self, config: ExpertsConfig, activation: Activation, width: int, inner: int, bias: bool) -> None:
        super().__init__()
        self.config = config
        self.router = nn.Linear(width, config.count, bias=False)
        self.experts = FeedForwards(config.count, activation, width, inner, bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        config, tokens = self.config, x.flatten(0, -2)
        with torch.autocast(x.device.type, enabled=False):  # in float32: arXiv 2101.03961, section 2.4
            logits = F.linear(tokens.float(), self.router.weight.float())
        probabilities = logits.softmax(dim=-1)
        weights, chosen = weights_of(probabilities, config.top)
        extra = config.balance * balance_loss(probabilities, chosen) + config.z_loss * z_loss(logits)
        if config.capacity is not None:
            room = max(1, int(config.capacity * chosen.numel() / config.count))
            chosen = chosen.where(within_capacity(chosen, config.count, room), config.count)  # no expert's number: the last
        counts = chosen.flatten().bincount(minlength=config.count + 1)[: config.count]
        order = chosen.flatten().argsort(stable=True)[: int(counts.sum())]
        at = order // config.top
        out = self.experts(tokens[at], counts)
        out = out * weights.flatten()[order, None].to(out.dtype)
        return torch.zeros_like(tokens).index_add(0, at, out.to(tokens.dtype)).view_as(x), extra
