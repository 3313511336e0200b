"""The options of a training run, as the YAML writes them; checked here, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from curator.errors import UserError, require
from curator.train.architectures.config import ArchitectureConfig

FFN_ROUNDING = 64  # widths that are multiples of 64 fill the tiles of tensor cores


class TrainedRunError(UserError, ValueError):
    """A trained run, or what it is asked for, cannot be used: in words for the user."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of the decoder. The vocabulary and the length of a sequence come from the shards, not from here.

    `kv_heads` below `heads` is grouped-query attention, 1 is multi-query; left out, every head has its own keys and values.
    `ffn_multiple` times `width` is the inner width of SwiGLU or GeGLU, rounded to the nearest multiple of 64: 8/3 makes its
    three matrices as large as the two of a plain layer of 4 x width (Shazeer 2020, arXiv 2002.05202). `bias` gives every
    linear layer of the blocks one, from 0. `init_std` is the deviation of the weights at the start: GPT-2's 0.02 suits
    widths about 1,000; a narrow model learns faster from 1 / sqrt(width). `architecture` asks for another model than
    this decoder.
    """

    layers: int = 12
    width: int = 768
    heads: int = 12
    kv_heads: int | None = None
    activation: Literal["swiglu", "geglu"] = "swiglu"
    ffn_multiple: float = 8 / 3
    bias: bool = False
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-5
    init_std: float = 0.02
    tied_embeddings: bool = False
    architecture: ArchitectureConfig | None = None

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads"):
            require(getattr(self, name) >= 1, f"{name}: must be at least 1, not {getattr(self, name)}")
        require(self.width % self.heads == 0, f"heads: {self.heads} heads do not divide a width of {self.width}")
        require(self.head_width % 2 == 0, f"heads: RoPE needs an even width a head, not {self.width} / {self.heads}")
        require(
            1 <= self.key_heads <= self.heads and self.heads % self.key_heads == 0,
            f"kv_heads: must divide the {self.heads} heads, not {self.kv_heads}",
        )
        require(self.activation in ("swiglu", "geglu"), f"activation: must be swiglu or geglu, not {self.activation!r}")
        require(self.ffn_multiple > 0, f"ffn_multiple: must be above 0, not {self.ffn_multiple}")
        require(self.rope_theta > 1, f"rope_theta: must be above 1, not {self.rope_theta}")
        require(self.init_std > 0, f"init_std: must be above 0, not {self.init_std}")
        require(self.norm_epsilon > 0, f"norm_epsilon: must be above 0, not {self.norm_epsilon}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def key_heads(self) -> int:
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    def ffn_width(self) -> int:
        return max(1, round(self.ffn_multiple * self.width / FFN_ROUNDING)) * FFN_ROUNDING

    def parameters(self, vocabulary_size: int) -> int:
        """Every weight that is trained, exactly; tied embeddings count once. Of the default decoder alone: raises otherwise."""
        if self.architecture is not None:
            raise TrainedRunError(
                "model.architecture: its size is in the run's first record; give a number of parameters instead"
            )
        width, inner = self.width, self.ffn_width
        attention = 2 * width * width + 2 * width * self.key_heads * self.head_width
        biases = 2 * width + 2 * self.key_heads * self.head_width + 2 * inner + width if self.bias else 0
        layer = attention + 3 * width * inner + biases + 2 * width  # two gains
        return self.layers * layer + width + vocabulary_size * width * (1 if self.tied_embeddings else 2)

    def parameters_by_formula(self, vocabulary_size: int) -> int:
        """V·H + 12·H²·L, the formula of a decoder of plain layers of 4·H with tied embeddings, to compare sizes by."""
        return vocabulary_size * self.width + 12 * self.width**2 * self.layers


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW and its schedule: `warmup` steps up to `lr`, then down to `min_lr_ratio` x `lr` at the last step: by half a
    cosine, or (`wsd`: warm-up, stable, decay; arXiv 2404.06395) after steps at `lr` exponentially over the last share `decay`
    of the run, so that a longer run can go on from before the decay.

    The defaults are GPT-3's for a model of 125 M parameters (Brown et al. 2020, arXiv 2005.14165, table 2.1 and appendix B).
    `weight_decay` is of the matrices; of the embeddings too unless `embedding_decay` says otherwise; `gain_decay` of norms'
    gains and of biases. `clip` is the largest norm of the whole gradient.
    """

    lr: float = 6e-4
    schedule: Literal["cosine", "wsd"] = "cosine"
    min_lr_ratio: float = 0.1
    warmup: int = 200
    decay: float = 0.1
    weight_decay: float = 0.1
    embedding_decay: float | None = None
    gain_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    clip: float = 1.0

    def __post_init__(self) -> None:
        require(self.lr > 0, f"lr: must be above 0, not {self.lr}")
        require(0 <= self.min_lr_ratio <= 1, f"min_lr_ratio: must be from 0 to 1, not {self.min_lr_ratio}")
        require(self.warmup >= 0, f"warmup: must be 0 steps or more, not {self.warmup}")
        require(self.schedule in ("cosine", "wsd"), f"schedule: must be cosine or wsd, not {self.schedule!r}")
        require(0 < self.decay <= 1, f"decay: must be above 0, at most 1, not {self.decay}")
        require(self.schedule == "cosine" or self.min_lr_ratio > 0, "min_lr_ratio: must be above 0 for an exponential decay")
        for name in ("weight_decay", "embedding_decay", "gain_decay"):
            value = getattr(self, name)
            require(value is None or value >= 0, f"{name}: must be 0 or more, not {value}")
        require(
            len(self.betas) == 2 and all(0 <= b < 1 for b in self.betas),
            f"betas: must be two numbers from 0 up to 1, not {list(self.betas)}",
        )
        require(self.epsilon > 0, f"epsilon: must be above 0, not {self.epsilon}")
        require(self.clip > 0, f"clip: must be above 0, not {self.clip}")


@dataclass(frozen=True, kw_only=True)
class BatchRamp:
    """Smaller batches at the start (GPT-3, arXiv 2005.14165, section 2.3): from `start` tokens a step, in multiples of it, in a
    line up to `batch_tokens` over the first `tokens`."""

    start: int
    tokens: int

    def __post_init__(self) -> None:
        require(self.start >= 1, f"start: must be at least 1, not {self.start}")
        require(self.tokens >= 1, f"tokens: must be at least 1, not {self.tokens}")


@dataclass(frozen=True, kw_only=True)
class SpikeConfig:
    """When a loss is a spike, and what is passed over then, as PaLM's was (arXiv 2204.02311, section 5.1): the run goes back to
    the checkpoint before it and leaves out the batches that led to it.

    A spike is a loss above the median of the last `window` steps by `deviations` robust standard deviations (1.4826 x the
    median distance from the median; at least 1 % of it), `patience` steps in a row; or one that is no number. Passed over are
    those batches and `before` ones that preceded them. After `most` spikes the run ends with an error.
    """

    window: int = 128
    deviations: float = 8.0
    patience: int = 2
    before: int = 1
    most: int = 20

    def __post_init__(self) -> None:
        for name, least in (("window", 8), ("patience", 1), ("before", 0), ("most", 1)):
            require(getattr(self, name) >= least, f"{name}: must be at least {least}, not {getattr(self, name)}")
        require(self.deviations > 0, f"deviations: must be above 0, not {self.deviations}")


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """How ranks share the work. `ddp`: each holds the whole model. `fsdp`: weights, gradients and the optimiser's state are
    divided among them (ZeRO, arXiv 1910.02054); with `reshard` the weights go away again after a layer's forward (ZeRO-3),
    without it they stay until the backward (ZeRO-2: faster, more memory; the better choice in a pipeline, which would gather
    them again for every micro-batch).

    The others divide the model or its sequences, and their product the ranks; `kind` is of what they leave. `tensor`: ranks
    that hold a part of every matrix (arXiv 1909.08053; 2205.05198 for the activations between). `pipeline`: stages of layers,
    which micro-batches go through one behind the other by `schedule`: all forward and then all back (`gpipe`, arXiv
    1811.06965), or back as soon as they can (`1f1b`, arXiv 2104.04473: the same bubble, less memory). `context`: ranks that
    hold a part of every sequence; `expert`: that hold other experts.
    """

    kind: Literal["ddp", "fsdp"] = "ddp"
    reshard: bool = True
    tensor: int = 1
    pipeline: int = 1
    context: int = 1
    expert: int = 1
    schedule: Literal["1f1b", "gpipe"] = "1f1b"

    def __post_init__(self) -> None:
        require(self.kind in ("ddp", "fsdp"), f"kind: must be ddp or fsdp, not {self.kind!r}")
        for name in ("tensor", "pipeline", "context", "expert"):
            require(getattr(self, name) >= 1, f"{name}: must be at least 1 rank, not {getattr(self, name)}")
        require(self.schedule in ("1f1b", "gpipe"), f"schedule: must be 1f1b or gpipe, not {self.schedule!r}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run: the model, the optimiser, how long, how much at a time, where, and what is written down on the way.

    The length is `steps`, or `tokens` (rounded up to whole steps), or, with neither, the shards once. `batch_tokens` is
    the global batch of one step, over all ranks; each rank works through its slice of it `micro_batch` sequences at a
    time and adds the gradients up. `attention: documents` keeps every token from what stands before its own document in
    the sequence. `recompute` trades time for memory: `layers` keeps only the input of each layer for the backward (arXiv
    1604.06174), `pointwise` what its matrix products and its attention gave too. `float8` multiplies the layers' matrices in
    8 bits, on devices of compute capability 8.9 and above; all else is of `precision`. `eval_sequences` bounds one look at the
    validation split (0: all of it), spread evenly over it. `eval_every`, `checkpoint_every` and `log_every` count steps;
    0 is "only at the end". `peak_flops` is of one device, for the share of it that is used (MFU); known GPUs need none.
    `shard_cache` is how many bytes of token shards in an object store lie here at a time. `resume: same` refuses to go on
    from a checkpoint when an option that changes the losses is no longer the same; `changed` lets the optimiser, the
    length, the precision and the attention differ, and writes down which did. The model and the tokens may never differ.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    steps: int | None = None
    tokens: int | None = None
    batch_tokens: int = 524_288
    batch_ramp: BatchRamp | None = None
    micro_batch: int = 8
    attention: Literal["sequence", "documents"] = "sequence"
    spikes: SpikeConfig | None = None
    parallel: ParallelConfig = field(default_factory=ParallelConfig)
    recompute: Literal["none", "pointwise", "layers"] = "none"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    float8: bool = False
    compile: bool | Literal["auto"] = "auto"
    device: str = "auto"
    peak_flops: float | None = None
    seed: int = 1
    log_every: int = 10
    tensorboard: bool = False
    eval_every: int = 250
    eval_sequences: int = 256
    checkpoint_every: int = 500
    keep_checkpoints: int = 2
    shard_cache: int = 64 << 30
    resume: Literal["same", "changed"] = "same"

    def __post_init__(self) -> None:
        require(self.steps is None or self.tokens is None, "steps: give steps or tokens, not both")
        for name in ("steps", "tokens", "batch_tokens", "micro_batch", "keep_checkpoints"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{name}: must be at least 1, not {value}")
        for name in ("log_every", "eval_every", "eval_sequences", "checkpoint_every", "seed"):
            require(getattr(self, name) >= 0, f"{name}: must be 0 or more, not {getattr(self, name)}")
        require(
            self.precision in ("auto", "float32", "bfloat16"), f"precision: no {self.precision!r}: auto, float32 or bfloat16"
        )
        require(
            self.attention in ("sequence", "documents"), f"attention: must be sequence or documents, not {self.attention!r}"
        )
        require(
            self.recompute in ("none", "pointwise", "layers"),
            f"recompute: must be none, pointwise or layers, not {self.recompute!r}",
        )
        require(self.peak_flops is None or self.peak_flops > 0, f"peak_flops: must be above 0, not {self.peak_flops}")
        require(self.shard_cache >= 1, f"shard_cache: must be at least 1 byte, not {self.shard_cache}")
        require(
            self.batch_ramp is None or self.batch_tokens % self.batch_ramp.start == 0,
            f"batch_ramp: its start must divide batch_tokens, {self.batch_tokens}",
        )
        require(
            self.spikes is None or self.keep_checkpoints >= 2,
            "keep_checkpoints: must be at least 2 where spikes are rolled back: the newest may lie within one",
        )
        require(self.compile in ("auto", True, False), f"compile: must be auto, true or false, not {self.compile!r}")
        require(self.resume in ("same", "changed"), f"resume: must be same or changed, not {self.resume!r}")
        require(not self.float8 or self.parallel.tensor == 1, "float8: not with parallel.tensor: its products are whole ones")
        if self.model.architecture is not None:
            self.model.architecture.check(self.attention)
        kind, _, number = self.device.partition(":")
        require(
            kind in ("auto", "cpu", "cuda", "mps") and (not number or (kind == "cuda" and number.isdigit())),
            f"device: must be auto, cpu, cuda, cuda:<number> or mps, not {self.device!r}",
        )
        if self.steps or self.tokens:
            self.total_steps(1, 1)  # a warm-up longer than the run is found before the corpus is built

    def batch_sequences(self, sequence_length: int) -> int:
        """Sequences in a full global batch. Raises ValueError unless `batch_tokens` is a whole number of them."""
        return _whole("batch_tokens", self.batch_tokens, sequence_length)

    def ramp_sizes(self, sequence_length: int) -> list[int]:
        """Sequences in each batch of the ramp; those after it are full. Raises ValueError as `batch_sequences` does."""
        if self.batch_ramp is None:
            return []
        full = self.batch_sequences(sequence_length)
        start = _whole("batch_ramp.start", self.batch_ramp.start, sequence_length)
        over, trained, sizes = math.ceil(self.batch_ramp.tokens / sequence_length), 0, []
        while trained < over:
            sizes.append(start + (full - start) * trained // over // start * start)
            trained += sizes[-1]
        return sizes

    def total_steps(self, sequences: int, sequence_length: int) -> int:
        """Length of the run in steps; `sequences` x `sequence_length` tokens are in the shards."""
        if self.steps is not None:
            total = self.steps
        else:
            tokens = sequences * sequence_length if self.tokens is None else self.tokens
            total, trained = 0, 0
            for size in self.ramp_sizes(sequence_length):
                if trained >= tokens:
                    break
                total, trained = total + 1, trained + size * sequence_length
            total += max(0, math.ceil((tokens - trained) / self.batch_tokens))
        if self.optimizer.warmup >= total:
            raise TrainedRunError(f"warmup: {self.optimizer.warmup} steps do not fit into a run of {total}")
        return total


def _whole(name: str, tokens: int, sequence_length: int) -> int:
    sequences, rest = divmod(tokens, sequence_length)
    if rest or not sequences:
        around = [n * sequence_length for n in (sequences, sequences + 1) if n]
        raise TrainedRunError(
            f"{name}: {tokens} is no whole number of sequences of {sequence_length}: write {' or '.join(map(str, around))}"
        )
    return sequences
