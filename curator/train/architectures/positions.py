"""How a model knows where a token stands: tables that are added, angles that turn, biases on the scores of attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from curator.train.architectures.config import RopeScaling


def sinusoidal_table(length: int, width: int) -> Tensor:
    """sin and cos in turn of position / 10000^(2i / width) (arXiv 1706.03762, section 3.5)."""
    angles = torch.outer(torch.arange(length).double(), 10_000.0 ** (-torch.arange(0, width, 2).double() / width))
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :width].float()


def rope_frequencies(head_width: int, theta: float, scaling: RopeScaling | None) -> tuple[Tensor, float]:
    """Of each pair of a head, in radians a token; and what cos and sin are multiplied by."""
    pairs = torch.arange(0, head_width, 2, dtype=torch.float32) / head_width
    if scaling is None:
        return theta**-pairs, 1.0
    if scaling.kind == "linear":
        return theta**-pairs / scaling.factor, 1.0
    if scaling.kind == "ntk":
        return (theta * scaling.factor ** (head_width / max(1, head_width - 2))) ** -pairs, 1.0

    def pair_that_turns(times: float) -> float:
        """The (fractional) pair that turns so often over the original length."""
        return head_width * math.log(scaling.original_length / (times * 2 * math.pi)) / (2 * math.log(theta))

    low = max(0, math.floor(pair_that_turns(scaling.fast)))
    high = min(head_width - 1, math.ceil(pair_that_turns(scaling.slow)))
    ramp = ((torch.arange(head_width // 2) - low) / max(high - low, 1e-3)).clamp(0, 1)  # 0: kept, 1: divided
    mixed = theta**-pairs * (1 - ramp) + theta**-pairs / scaling.factor * ramp
    return mixed, 0.1 * math.log(scaling.factor) + 1.0


def rope_table(length: int, head_width: int, theta: float, scaling: RopeScaling | None) -> tuple[Tensor, Tensor]:
    """cos and sin (length x head_width), in the order of `model.rotate`."""
    frequencies, factor = rope_frequencies(head_width, theta, scaling)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies).repeat(1, 2)
    return angles.cos() * factor, angles.sin() * factor


def alibi_slopes(heads: int) -> Tensor:
    """2^(-8 / n), 2^(-16 / n), … for n heads; where n is no power of 2, those of the power below and then every other of the
    power above (arXiv 2108.12409, section 3, and its authors' code)."""
    below = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * i / below) for i in range(1, below + 1)]
    slopes += [2 ** (-8 * i / (2 * below)) for i in range(1, 2 * below + 1, 2)]
    return torch.tensor(slopes[:heads])


def relative_bucket(distance: Tensor, buckets: int, most: int, both_ways: bool) -> Tensor:
    """T5's bucket of a key at `distance` from the query, negative before it (arXiv 1910.10683, section 2.1): one each for the
    near, then logarithmically wider ones up to `most`, beyond which all share the last. Both ways, half are for keys after."""
    first = 0
    if both_ways:
        buckets //= 2
        first = (distance > 0) * buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = buckets // 2
    far = torch.log(distance.clamp(min=1).float() / exact) / math.log(most / exact) * (buckets - exact)
    far = (exact + far.long()).clamp(max=buckets - 1)
    return first + torch.where(distance < exact, distance, far)
