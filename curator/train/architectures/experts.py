"""A mixture of experts in the place of a feed-forward layer, and the losses that its router learns balance by."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from curator.train.architectures.activations import FeedForward
from curator.train.architectures.config import Activation, ExpertsConfig


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


class Experts(nn.Module):
    """Gives its output and the weighed losses of its router; a token none of whose experts had room comes out as 0."""

    def __init__(self, config: ExpertsConfig, activation: Activation, width: int, inner: int, bias: bool) -> None:
        super().__init__()
        self.config = config
        self.router = nn.Linear(width, config.count, bias=False)
        self.experts = nn.ModuleList(FeedForward(activation, width, inner, bias) for _ in range(config.count))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        config, tokens = self.config, x.flatten(0, -2)
        with torch.autocast(x.device.type, enabled=False):  # in float32: arXiv 2101.03961, section 2.4
            logits = F.linear(tokens.float(), self.router.weight.float())
        probabilities = logits.softmax(dim=-1)
        weights, chosen = weights_of(probabilities, config.top)
        if config.capacity is not None:
            room = max(1, int(config.capacity * chosen.numel() / config.count))
            found = within_capacity(chosen, config.count, room)
            weights = weights * found
            chosen_here = torch.where(found, chosen, config.count)  # no expert's number
        else:
            chosen_here = chosen
        y = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):  # one without tokens is run on none, so that it has a gradient of 0
            at, rank = (chosen_here == number).nonzero(as_tuple=True)
            out = expert(tokens[at]) * weights[at, rank, None].to(tokens.dtype)
            y = y.index_add(0, at, out.to(y.dtype))
        extra = config.balance * balance_loss(probabilities, chosen) + config.z_loss * z_loss(logits)
        return y.view_as(x), extra
