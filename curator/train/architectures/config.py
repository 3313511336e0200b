"""The options of `model.architecture`, as the YAML writes them; checked here, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from curator.errors import require

Shape = Literal["causal", "prefix", "encoder_decoder"]
NormKind = Literal["rms", "layer"]
NormPlace = Literal["pre", "post", "sandwich", "deep"]
Activation = Literal["swiglu", "geglu", "geglu_tanh", "gelu", "gelu_tanh", "relu"]
Positions = Literal["rope", "learned", "sinusoidal", "relative", "alibi", "none"]
Scaling = Literal["linear", "ntk", "yarn"]
Pattern = Literal["full", "window", "blocks"]


def _one_of(name: str, value: object, choices: object) -> None:
    allowed = get_args(choices)
    require(value in allowed, f"{name}: must be one of {', '.join(allowed)}, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class RopeScaling:
    """RoPE for sequences `factor` times as long as the `original_length` that a model was trained on.

    `linear` divides positions by `factor` (arXiv 2306.15595); `ntk` raises the base to theta x factor^(d / (d - 2)), which
    leaves the fastest frequency as it is and divides the slowest; `yarn` (arXiv 2309.00071) divides the frequencies that turn
    less than `slow` times over the original length, leaves those that turn more than `fast` times, goes over between them in a
    line, and scales attention by (0.1 ln(factor) + 1)^2.
    """

    kind: Scaling
    factor: float
    original_length: int
    fast: float = 32.0
    slow: float = 1.0

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, Scaling)
        require(self.factor >= 1, f"factor: must be at least 1, not {self.factor}")
        require(self.original_length >= 1, f"original_length: must be at least 1, not {self.original_length}")
        require(0 < self.slow < self.fast, f"fast: must be above slow, {self.slow}, which is above 0; not {self.fast}")


@dataclass(frozen=True, kw_only=True)
class PatternConfig:
    """Which tokens attention reaches, beside what the shape allows.

    `window`: those less than `window` away (Longformer, arXiv 2004.05150; Mistral, arXiv 2310.06825). `blocks`: of blocks of
    `block` tokens those less than `near` blocks away, the first `first`, and with `stride` the last of every `stride` (the
    fixed pattern of arXiv 1904.10509, in blocks as in arXiv 2007.14062). With `full_every: n`, every n-th layer is full; 2
    alternates, as GPT-3 does (arXiv 2005.14165, section 2.1).
    """

    kind: Pattern = "full"
    window: int = 256
    block: int = 64
    near: int = 2
    first: int = 0
    stride: int = 0
    full_every: int = 0

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, Pattern)
        for name, least in (("window", 1), ("block", 1), ("near", 1), ("first", 0), ("stride", 0), ("full_every", 0)):
            require(getattr(self, name) >= least, f"{name}: must be at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig:
    """A mixture of `count` feed-forward layers, of which the router picks the `top` best for each token.

    The weights of the picked are their softmax over each other, as Mixtral's (arXiv 2401.04088); one alone has its share of
    all, as in Switch (arXiv 2101.03961): else the router would learn nothing. `balance` weighs the loss that keeps experts
    evenly used, `z_loss` the one that keeps the router's logits small (arXiv 2202.08906, equation 5). `capacity`: an expert
    takes at most capacity x top x tokens / count, in the order of tokens; the others pass it by. None: all. Balance and
    capacity are those of a micro-batch of a rank, wherever the experts are. `every: n` replaces the feed-forward of every
    n-th layer.
    """

    count: int = 8
    top: int = 2
    capacity: float | None = None
    balance: float = 0.01
    z_loss: float = 0.0
    every: int = 1

    def __post_init__(self) -> None:
        require(self.count >= 2, f"count: must be at least 2, not {self.count}")
        require(1 <= self.top <= self.count, f"top: must be from 1 to the {self.count} experts, not {self.top}")
        require(self.capacity is None or self.capacity > 0, f"capacity: must be above 0, not {self.capacity}")
        for name in ("balance", "z_loss"):
            require(getattr(self, name) >= 0, f"{name}: must be 0 or more, not {getattr(self, name)}")
        require(self.every >= 1, f"every: must be at least 1, not {self.every}")


@dataclass(frozen=True, kw_only=True)
class ObjectivesConfig:
    """What is learned from a sequence of the shards: one of these, drawn by weight from the seed and the sequence's number.

    `language`: every next token. `prefix`: the tokens after a random cut, from those before it. `spans`: T5's denoising (arXiv
    1910.10683, section 3.1.4): the share `noise` in spans of `span` tokens on average is replaced by a sentinel each, and
    predicted one after the other. `blanks`: GLM's (arXiv 2103.10360, section 2.1): span lengths are Poisson's, each is a mask,
    and they are predicted in random order. Only what is predicted counts in the loss, and all of it counts equally.
    """

    language: float = 0.0
    prefix: float = 0.0
    spans: float = 0.0
    blanks: float = 0.0
    noise: float = 0.15
    span: float = 3.0

    def __post_init__(self) -> None:
        for name in ("language", "prefix", "spans", "blanks"):
            require(getattr(self, name) >= 0, f"{name}: must be 0 or more, not {getattr(self, name)}")
        require(sum(self.weights.values()) > 0, "objectives: one of language, prefix, spans, blanks must be above 0")
        require(0 < self.noise < 1, f"noise: must be between 0 and 1, not {self.noise}")
        require(self.span >= 1, f"span: must be at least 1 token, not {self.span}")

    @property
    def weights(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in ("language", "prefix", "spans", "blanks")}


@dataclass(frozen=True, kw_only=True)
class ArchitectureConfig:
    """A model other than the default decoder. Sizes, heads, biases and deviations are those of `model`, around this section.

    `shape`: `causal`; `prefix`, whose tokens see all of what is given and then what stands before them (arXiv 1910.10683,
    section 3.2); `encoder_decoder`, of `encoder_layers` (default: as many as `layers`) and `layers`, where the encoder takes
    the share `source` of a sequence. `norm`: RMSNorm or LayerNorm (with a bias if `model.bias`); `norm_place`: before each
    branch, after the addition, before and after the branch (arXiv 2105.13290), or DeepNorm's (arXiv 2203.00555);
    `embedding_norm`: one more after the embedding (arXiv 2211.05100); `embedding_gradient`: the share of the gradient that
    reaches the embedding of tokens (GLM-130B's 0.1 against spikes, arXiv 2210.02414). `activation`: instead of
    `model.activation`; `_tanh` is GELU by its approximation. `positions`: `rope`; `learned`; `sinusoidal` (arXiv 1706.03762,
    embeddings x sqrt(width)); `relative`, T5's biases in `relative_buckets` up to `relative_distance` tokens; `alibi` (arXiv
    2108.12409); or none.
    """

    shape: Shape = "causal"
    encoder_layers: int | None = None
    source: float = 0.8
    norm: NormKind = "rms"
    norm_place: NormPlace = "pre"
    embedding_norm: bool = False
    embedding_gradient: float = 1.0
    activation: Activation | None = None
    positions: Positions = "rope"
    rope_scaling: RopeScaling | None = None
    relative_buckets: int = 32
    relative_distance: int = 128
    pattern: PatternConfig = field(default_factory=PatternConfig)
    experts: ExpertsConfig | None = None
    objectives: ObjectivesConfig = field(default_factory=lambda: ObjectivesConfig(language=1.0))

    def __post_init__(self) -> None:
        _one_of("shape", self.shape, Shape)
        _one_of("norm", self.norm, NormKind)
        _one_of("norm_place", self.norm_place, NormPlace)
        _one_of("positions", self.positions, Positions)
        if self.activation is not None:
            _one_of("activation", self.activation, Activation)
        require(
            self.encoder_layers is None or (self.shape == "encoder_decoder" and self.encoder_layers >= 1),
            f"encoder_layers: must be at least 1, and of an encoder_decoder, not {self.encoder_layers} of a {self.shape}",
        )
        require(
            0 < self.embedding_gradient <= 1, f"embedding_gradient: must be above 0, at most 1, not {self.embedding_gradient}"
        )
        require(0 < self.source < 1, f"source: must be between 0 and 1, not {self.source}")
        require(
            self.rope_scaling is None or self.positions == "rope",
            f"rope_scaling: has no meaning with positions: {self.positions}",
        )
        require(
            self.relative_buckets >= 4 and self.relative_buckets % 4 == 0,
            f"relative_buckets: must be a multiple of 4, not {self.relative_buckets}",
        )
        require(
            self.relative_distance > self.relative_buckets // 2,
            f"relative_distance: must be above half of the buckets, {self.relative_buckets // 2}, not {self.relative_distance}",
        )
        objectives = self.objectives
        require(
            self.shape != "encoder_decoder" or not objectives.language,
            "objectives: language gives the encoder nothing to read: take prefix, spans or blanks for an encoder_decoder",
        )
        require(
            self.shape != "prefix" or not self.plain,
            "objectives: language alone never has a prefix: give prefix, spans or blanks a weight, or write shape: causal",
        )

    @property
    def plain(self) -> bool:
        """The objective is the next token alone."""
        return not (self.objectives.prefix or self.objectives.spans or self.objectives.blanks)

    def check(self, attention: str) -> None:
        """Raise ValueError for options of the run that this cannot do."""
        require(
            attention == "sequence" or self.plain,
            "attention: documents is for the objective language alone: the others mix the documents of a sequence",
        )


def restored(options: dict[str, Any] | None) -> ArchitectureConfig | None:
    """The section out of the JSON of a checkpoint."""
    if options is None:
        return None
    parts = {"rope_scaling": RopeScaling, "pattern": PatternConfig, "experts": ExpertsConfig, "objectives": ObjectivesConfig}
    nested = {name: kind(**options[name]) for name, kind in parts.items() if options[name] is not None}
    return ArchitectureConfig(**options | nested)
