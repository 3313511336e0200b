"""The configurable model. Called as the default decoder is, and with the same names outside its branches.

causal, prefix:   ids ─ embed ─ layers ─ norm ─ lm_head
encoder_decoder:  source ids ─ embed ─ layers[: encoder] ─ encoder_norm ─┐ (keys and values)
                  target ids ─ embed ─ layers[encoder :] ────────────────┴─ norm ─ lm_head
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from curator.train.architectures import sight
from curator.train.architectures.config import ArchitectureConfig
from curator.train.architectures.layers import Layer, Setting
from curator.train.architectures.norms import build_norm, deep_constants
from curator.train.architectures.positions import alibi_slopes, relative_bucket, rope_table, sinusoidal_table
from curator.train.architectures.rows import source_length
from curator.train.config import ModelConfig
from curator.train.linear import Linear
from curator.train.recompute import Recompute


def shrink(x: Tensor, share: float) -> Tensor:
    """`x`, to which only that share of its gradient goes back (GLM-130B, arXiv 2210.02414, section 3.1)."""
    return x if share == 1 else x.detach() + share * (x - x.detach())


class Transformer(nn.Module):
    """`model(ids)` gives logits, `model(ids, targets)` the loss of every token (batch x length; 0 where the target is padding).

    The third argument is the number of each token's document (batch x length), or the layout of an objective (batch x 3 x
    length; `rows`), which an encoder-decoder cannot do without: its first `source_length` ids are the encoder's, and its logits
    are of the others. The losses of routers are in the gradient of the losses, not in their values.
    """

    look = staticmethod(sight.look)

    def __init__(self, config: ModelConfig, vocabulary_size: int, sequence_length: int, recompute: Recompute = "none") -> None:
        super().__init__()
        assert config.architecture is not None
        how: ArchitectureConfig = config.architecture
        self.config, self.how, self.vocabulary_size, self.sequence_length = config, how, vocabulary_size, sequence_length
        two = how.shape == "encoder_decoder"
        self.encoders = (how.encoder_layers or config.layers) if two else 0
        self.source = source_length(how, sequence_length)

        def norm(wanted: bool) -> nn.Module | None:
            return build_norm(how.norm, config.width, config.norm_epsilon, config.bias) if wanted else None

        def layers(number: int, deep: tuple[float, float], decodes: bool) -> list[Layer]:
            alpha, beta = deep if how.norm_place == "deep" else (1.0, 1.0)
            return [Layer(config, at, alpha, beta, two and decodes, recompute) for at in range(number)]

        self.embed_tokens = nn.Embedding(vocabulary_size, config.width)
        learned = how.positions == "learned"
        self.embed_positions = nn.Embedding(sequence_length, config.width) if learned else None
        blanks = learned and how.objectives.blanks > 0
        self.embed_blocks = nn.Embedding(sequence_length, config.width) if blanks else None
        self.embedding_norm = norm(how.embedding_norm)
        deep = deep_constants(self.encoders, config.layers)
        self.layers = nn.ModuleList(layers(self.encoders, deep[0], False) + layers(config.layers, deep[1], True))
        last = how.norm_place in ("pre", "sandwich")
        self.encoder_norm, self.norm = norm(last and two), norm(last)
        self.lm_head = Linear(config.width, vocabulary_size, bias=False)
        if config.tied_embeddings:
            self.lm_head.weight = self.embed_tokens.weight
        relative = how.positions == "relative"
        self.relative = nn.Embedding(how.relative_buckets, config.heads) if relative else None
        self.encoder_relative = nn.Embedding(how.relative_buckets, config.heads) if relative and two else None
        for name, table in self._tables().items():
            self.register_buffer(name, table, persistent=False)
        self.initialise()

    def _tables(self) -> dict[str, Tensor]:
        config, kind, length = self.config, self.how.positions, self.sequence_length
        if kind == "rope":
            cos, sin = rope_table(length, config.head_width, config.rope_theta, self.how.rope_scaling)
            return {"cos": cos, "sin": sin}
        if kind == "sinusoidal":
            return {"sinusoids": sinusoidal_table(length, config.width)}
        return {"slopes": alibi_slopes(config.heads)} if kind == "alibi" else {}

    @torch.no_grad()
    def initialise(self) -> None:
        """As the default decoder (GPT-2's), or as DeepNorm asks: Xavier's, by `beta` but for queries and keys."""
        deep = self.how.norm_place == "deep"
        branches = self.encoders * 2 + self.config.layers * (3 if self.encoders else 2)
        for name, weight in self.named_parameters():
            if name.endswith(".bias"):
                nn.init.zeros_(weight)
            elif weight.ndim < 2:
                nn.init.ones_(weight)
            elif deep and name.startswith("layers.") and ".router." not in name:
                layer = self.layers[int(name.split(".")[1])]
                keeps = ".q_proj." in name or ".k_proj." in name
                for matrix in weight.view(-1, *weight.shape[-2:]):  # of experts there are several
                    nn.init.xavier_normal_(matrix, gain=1.0 if keeps else float(layer.beta))  # type: ignore[arg-type]
            else:
                residual = name.endswith(("o_proj.weight", "down_proj.weight")) and self.norm is not None
                nn.init.normal_(weight, std=self.config.init_std / (math.sqrt(branches) if residual else 1))

    # --------------------------------------------------------------------------------------------------------- forward

    def forward(self, ids: Tensor, targets: Tensor | None = None, documents: Tensor | None = None) -> Tensor:
        layout = documents if documents is not None and documents.ndim == 3 else None
        if self.encoders:
            if layout is None:
                raise ValueError("an encoder-decoder reads a source and a target: it has no loss of a plain sequence")
            x, extra = self._both(ids, layout)
        else:
            seen = self._rules(None if layout is None else layout[:, 0].bool(), documents if layout is None else None)
            x, extra = self._through(self._embed(ids, layout), seen, self.relative, self.how.shape == "prefix")
        logits = self.lm_head(x if self.norm is None else self.norm(x)).float()
        if targets is None:
            return logits
        losses = F.cross_entropy(logits.flatten(0, 1), targets[:, -logits.shape[1] :].flatten(), reduction="none")
        losses = losses.view(len(ids), -1)
        return F.pad(losses, (targets.shape[1] - losses.shape[1], 0)) + (extra - extra.detach())

    def _both(self, ids: Tensor, layout: Tensor) -> tuple[Tensor, Tensor]:
        cut = self.source
        source = layout[:, 0, :cut].bool()
        memory, extra = self._through(
            self._embed(ids[:, :cut], layout[:, :, :cut]), [sight.given_or_itself(source)], self.encoder_relative, True, first=0
        )
        memory = memory if self.encoder_norm is None else self.encoder_norm(memory)
        sizes = (len(ids), self.config.heads, ids.shape[1] - cut, cut)
        across = sight.look([sight.given(source)], None, sizes, ids.device)
        x = self._embed(ids[:, cut:], layout[:, :, cut:])
        x, more = self._through(x, [sight.causal], self.relative, False, memory=memory, across=across)
        return x, extra + more

    def _embed(self, ids: Tensor, layout: Tensor | None) -> Tensor:
        x, length = shrink(self.embed_tokens(ids), self.how.embedding_gradient), ids.shape[1]
        if self.how.positions == "sinusoidal":
            x = x * math.sqrt(self.config.width) + self.sinusoids[:length]  # type: ignore[index]
        at = torch.arange(length, device=ids.device).expand_as(ids)
        if self.embed_blocks is not None:  # GLM's two positions; without the second, the first of a target would all be one
            at, within = (at, torch.zeros_like(ids)) if layout is None else (layout[:, 1], layout[:, 2])
            x = x + self.embed_blocks(within)
        if self.embed_positions is not None:
            x = x + self.embed_positions(at)
        return x if self.embedding_norm is None else self.embedding_norm(x)

    def _rules(self, source: Tensor | None, documents: Tensor | None) -> list[sight.Rule]:
        """Of a decoder alone."""
        rules = [sight.prefix(source) if self.how.shape == "prefix" and source is not None else sight.causal]
        return rules if documents is None else [*rules, sight.within(documents)]

    def _through(
        self,
        x: Tensor,
        rules: list[sight.Rule],
        relative: nn.Embedding | None,
        both_ways: bool,
        first: int | None = None,
        memory: Tensor | None = None,
        across: sight.Sight | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Through the encoder (`first` is 0) or the decoder."""
        length, how = x.shape[1], self.how
        sizes = (len(x), self.config.heads, length, length)
        bias = self._bias(relative, both_ways)
        full = self.look(rules, bias, sizes, x.device)
        sparse = self.look([*rules, *sight.pattern(how.pattern)], bias, sizes, x.device) if how.pattern.kind != "full" else full
        turn = (self.cos[:length], self.sin[:length]) if how.positions == "rope" else None  # type: ignore[index]
        setting = Setting(full, sparse, turn, memory, across)
        extra = x.new_zeros((), dtype=torch.float32)
        for layer in self.layers[: self.encoders] if first == 0 else self.layers[self.encoders :]:
            x, more = layer(x, setting)
            extra = extra if more is None else extra + more
        return x, extra

    def _bias(self, relative: nn.Embedding | None, both_ways: bool) -> sight.Rule | None:
        how = self.how
        if relative is not None:
            table, buckets, most = relative.weight, how.relative_buckets, how.relative_distance
            return lambda batch, head, q, k: table[relative_bucket(k - q, buckets, most, both_ways), head]
        if how.positions == "alibi":
            slopes: Tensor = self.slopes  # type: ignore[assignment]
            return lambda batch, head, q, k: -slopes[head] * (q - k).abs()
        return None

    # --------------------------------------------------------------------------------------------------------- figures

    def parameter_count(self) -> int:
        """Every weight that is trained; tied embeddings count once."""
        return sum(p.numel() for p in self.parameters())

    def flops_per_token(self) -> float:
        """Of forward and backward, as the default decoder counts them: of experts those that a token goes through, of attention
        what its layers reach; of an encoder-decoder the side that a token is on."""
        length, width, experts = self.sequence_length, self.config.width, self.how.experts
        reach = min(length, self.how.pattern.window if self.how.pattern.kind == "window" else length)
        total = 0.0
        for number, layer in enumerate(self.layers):
            share = 1.0
            if self.encoders:
                share = self.source / length if number < self.encoders else 1 - self.source / length
            for name, weight in layer.named_parameters():
                if name.endswith(".weight") and weight.ndim >= 2:
                    active = experts.top / experts.count if experts and ".experts." in name else 1.0
                    total += 6.0 * weight.numel() * active * share
            total += 12.0 * width * (length if layer.full else reach) * share
        head = 1 - self.source / length if self.encoders else 1.0
        return total + 6.0 * self.lm_head.weight.numel() * head
