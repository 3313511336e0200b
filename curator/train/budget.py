"""How large a model, on how many tokens, for how much computing: what the published laws say, before a run is paid for.

Their losses are nats a token of their own corpora and tokenizers: they compare one budget with another, not with a run here.
Computing is C = 6·N·D: forward and backward of N weights on D tokens (Kaplan et al., arXiv 2001.08361, section 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

PF_DAY = 1e15 * 86_400
TOKENS_PER_PARAMETER = 20.0  # Chinchilla's own: 70 B parameters on 1.4 T tokens


@dataclass(frozen=True)
class Chinchilla:
    """L(N, D) = E + A / N^α + B / D^β (Hoffmann et al., arXiv 2203.15556, equation 10), N with the embeddings."""

    name: str
    e: float
    a: float
    b: float
    alpha: float
    beta: float

    def loss(self, parameters: float, tokens: float) -> float:
        return self.e + self.a / parameters**self.alpha + self.b / tokens**self.beta

    def model_for(self, flops: float) -> tuple[float, float]:
        """N and D of the lowest loss at C = 6·N·D (equation 4): N = G·(C/6)^(β/(α+β)), G = (α·A / (β·B))^(1/(α+β))."""
        g = (self.alpha * self.a / (self.beta * self.b)) ** (1 / (self.alpha + self.beta))
        parameters = g * (flops / 6) ** (self.beta / (self.alpha + self.beta))
        return parameters, flops / 6 / parameters

    def tokens_for(self, parameters: float) -> float:
        """D at which a model of this size is the best one for 6·N·D: α·A / N^α = β·B / D^β."""
        return (self.beta * self.b / (self.alpha * self.a) * parameters**self.alpha) ** (1 / self.beta)


@dataclass(frozen=True)
class Kaplan:
    """L(N, D) = ((N_c / N)^(α_N / α_D) + D_c / D)^α_D (arXiv 2001.08361, equation 1.5 with table 2), N without the embeddings;
    the best sizes by its table 6: N = 1.3e9·C^0.73, D = 2e10·C^0.27, C in PF-days of training at small batches."""

    name: str = "Kaplan"

    def loss(self, parameters: float, tokens: float) -> float:
        return ((6.4e13 / parameters) ** (0.076 / 0.103) + 1.8e13 / tokens) ** 0.103

    def model_for(self, flops: float) -> tuple[float, float]:
        days = flops / PF_DAY
        return 1.3e9 * days**0.73, 2e10 * days**0.27

    def tokens_for(self, parameters: float) -> float:
        return 2e10 * (parameters / 1.3e9) ** (0.27 / 0.73)


LAWS: tuple[Chinchilla | Kaplan, ...] = (
    Chinchilla("Chinchilla, as published", 1.69, 406.4, 410.7, 0.34, 0.28),
    Chinchilla("Chinchilla, fitted again", 1.8172, 482.01, 2085.43, 0.3478, 0.3658),  # arXiv 2404.10102
    Kaplan(),
)


def critical_batch(loss: float) -> float:
    """Tokens in a batch beyond which larger ones save few steps: 2e8 / L^(1 / 0.21) (arXiv 2001.08361, equation 1.4)."""
    return 2e8 / loss ** (1 / 0.21)


@dataclass(frozen=True)
class Advice:
    """One law's word on a budget. `loss` is at the tokens that are trained on; `tokens` those at which the size is the best."""

    law: str
    parameters: float
    tokens: float
    loss: float

    @property
    def flops(self) -> float:
        return 6 * self.parameters * self.tokens


def for_model(parameters: float, without_embeddings: float | None = None, tokens: float | None = None) -> list[Advice]:
    """How many tokens a model of this size is worth, by each law; the losses at `tokens` if they are given."""
    found = []
    for law in LAWS:
        size = without_embeddings or parameters if isinstance(law, Kaplan) else parameters
        best = law.tokens_for(size)
        found.append(Advice(law.name, size, best, law.loss(size, tokens or best)))
    return found


def for_flops(flops: float) -> list[Advice]:
    """The best model and its tokens for so much computing, by each law."""
    found = []
    for law in LAWS:
        parameters, tokens = law.model_for(flops)
        found.append(Advice(law.name, parameters, tokens, law.loss(parameters, tokens)))
    return found


def rule_of_thumb(flops: float) -> tuple[float, float]:
    """N and D with 20 tokens a parameter: C = 6·N·20·N."""
    parameters = (flops / (6 * TOKENS_PER_PARAMETER)) ** 0.5
    return parameters, TOKENS_PER_PARAMETER * parameters


def days(flops: float, devices: int, peak_flops: float, mfu: float) -> float:
    """Of training on so many devices, at the share `mfu` of what they could compute."""
    return flops / (devices * peak_flops * mfu) / 86_400
