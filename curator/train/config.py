"""The options of a training run, as the YAML writes them; checked here, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from curator.errors import UserError

FFN_ROUNDING = 64  # widths that are multiples of 64 fill the tiles of tensor cores


class TrainedRunError(UserError, ValueError):
    """A trained run, or what it is asked for, cannot be used: in words for the user."""


def _require(right: bool, message: str) -> None:
    if not right:
        raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of the decoder. The vocabulary and the length of a sequence come from the shards, not from here.

    `kv_heads` below `heads` is grouped-query attention, 1 is multi-query; left out, every head has its own keys and values.
    `ffn_multiple` times `width` is the inner width of SwiGLU, rounded to the nearest multiple of 64: 8/3 makes its three
    matrices as large as the two of a plain layer of 4 x width (Shazeer 2020, arXiv 2002.05202). `init_std` is the
    deviation of the weights at the start: GPT-2's 0.02 suits widths about 1,000; a narrow model learns faster from
    1 / sqrt(width).
    """

    layers: int = 12
    width: int = 768
    heads: int = 12
    kv_heads: int | None = None
    ffn_multiple: float = 8 / 3
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-5
    init_std: float = 0.02
    tied_embeddings: bool = False

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads"):
            _require(getattr(self, name) >= 1, f"{name}: must be at least 1, not {getattr(self, name)}")
        _require(self.width % self.heads == 0, f"heads: {self.heads} heads do not divide a width of {self.width}")
        _require(self.head_width % 2 == 0, f"heads: RoPE needs an even width a head, not {self.width} / {self.heads}")
        _require(
            1 <= self.key_heads <= self.heads and self.heads % self.key_heads == 0,
            f"kv_heads: must divide the {self.heads} heads, not {self.kv_heads}",
        )
        _require(self.ffn_multiple > 0, f"ffn_multiple: must be above 0, not {self.ffn_multiple}")
        _require(self.rope_theta > 1, f"rope_theta: must be above 1, not {self.rope_theta}")
        _require(self.init_std > 0, f"init_std: must be above 0, not {self.init_std}")
        _require(self.norm_epsilon > 0, f"norm_epsilon: must be above 0, not {self.norm_epsilon}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def key_heads(self) -> int:
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    def ffn_width(self) -> int:
        return max(1, round(self.ffn_multiple * self.width / FFN_ROUNDING)) * FFN_ROUNDING


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW and its schedule: `warmup` steps up to `lr`, then a cosine down to `min_lr_ratio` x `lr` at the last step.

    The defaults are GPT-3's for a model of 125 M parameters (Brown et al. 2020, arXiv 2005.14165, table 2.1 and appendix B).
    `clip` is the largest norm of the whole gradient.
    """

    lr: float = 6e-4
    min_lr_ratio: float = 0.1
    warmup: int = 200
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    clip: float = 1.0

    def __post_init__(self) -> None:
        _require(self.lr > 0, f"lr: must be above 0, not {self.lr}")
        _require(0 <= self.min_lr_ratio <= 1, f"min_lr_ratio: must be from 0 to 1, not {self.min_lr_ratio}")
        _require(self.warmup >= 0, f"warmup: must be 0 steps or more, not {self.warmup}")
        _require(self.weight_decay >= 0, f"weight_decay: must be 0 or more, not {self.weight_decay}")
        _require(
            len(self.betas) == 2 and all(0 <= b < 1 for b in self.betas),
            f"betas: must be two numbers from 0 up to 1, not {list(self.betas)}",
        )
        _require(self.epsilon > 0, f"epsilon: must be above 0, not {self.epsilon}")
        _require(self.clip > 0, f"clip: must be above 0, not {self.clip}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run: the model, the optimiser, how long, how much at a time, where, and what is written down on the way.

    The length is `steps`, or `tokens` (rounded up to whole steps), or, with neither, the shards once. `batch_tokens` is the
    global batch of one step, over all ranks; each rank works through its slice of it `micro_batch` sequences at a time and
    adds the gradients up. `eval_sequences` bounds one look at the validation split (0: all of it), spread evenly over it.
    `eval_every`, `checkpoint_every` and `log_every` count steps; 0 is "only at the end". `resume: same` refuses to go on
    from a checkpoint when an option that changes the losses is no longer the same; `changed` lets the optimiser, the length
    and the precision differ, and writes down which did. The model and the tokens may never differ.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    steps: int | None = None
    tokens: int | None = None
    batch_tokens: int = 524_288
    micro_batch: int = 8
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    device: str = "auto"
    seed: int = 1
    log_every: int = 10
    eval_every: int = 250
    eval_sequences: int = 256
    checkpoint_every: int = 500
    keep_checkpoints: int = 2
    resume: Literal["same", "changed"] = "same"

    def __post_init__(self) -> None:
        _require(self.steps is None or self.tokens is None, "steps: give steps or tokens, not both")
        for name in ("steps", "tokens", "batch_tokens", "micro_batch", "keep_checkpoints"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"{name}: must be at least 1, not {value}")
        for name in ("log_every", "eval_every", "eval_sequences", "checkpoint_every", "seed"):
            _require(getattr(self, name) >= 0, f"{name}: must be 0 or more, not {getattr(self, name)}")
        _require(
            self.precision in ("auto", "float32", "bfloat16"), f"precision: no {self.precision!r}: auto, float32 or bfloat16"
        )
        _require(self.compile in ("auto", True, False), f"compile: must be auto, true or false, not {self.compile!r}")
        _require(self.resume in ("same", "changed"), f"resume: must be same or changed, not {self.resume!r}")
        kind, _, number = self.device.partition(":")
        _require(
            kind in ("auto", "cpu", "cuda", "mps") and (not number or (kind == "cuda" and number.isdigit())),
            f"device: must be auto, cpu, cuda, cuda:<number> or mps, not {self.device!r}",
        )
        if self.steps or self.tokens:
            self.total_steps(1, 1)  # a warm-up longer than the run is found before the corpus is built

    def batch_sequences(self, sequence_length: int) -> int:
        """Sequences in a global batch. Raises ValueError unless `batch_tokens` is a whole number of them."""
        sequences, rest = divmod(self.batch_tokens, sequence_length)
        if rest or not sequences:
            around = [n * sequence_length for n in (sequences, sequences + 1) if n]
            raise ValueError(
                f"batch_tokens: {self.batch_tokens} is no whole number of sequences of {sequence_length}: "
                f"write {' or '.join(map(str, around))}"
            )
        return sequences

    def total_steps(self, sequences: int, sequence_length: int) -> int:
        """Length of the run in steps; `sequences` x `sequence_length` tokens are in the shards."""
        if self.steps is not None:
            total = self.steps
        else:
            tokens = sequences * sequence_length if self.tokens is None else self.tokens
            total = math.ceil(tokens / self.batch_tokens)
        _require(self.optimizer.warmup < total, f"warmup: {self.optimizer.warmup} steps do not fit into a run of {total}")
        return total
