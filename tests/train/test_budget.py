from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from curator.cli import app
from curator.train.budget import LAWS, Chinchilla, Kaplan, critical_batch, days, for_flops, for_model, rule_of_thumb

CHINCHILLAS = [law for law in LAWS if isinstance(law, Chinchilla)]
RECIPE = str(Path(__file__).parents[2] / "pipelines" / "train" / "160m.yaml")


@pytest.mark.parametrize("law", CHINCHILLAS, ids=lambda law: law.name)
@pytest.mark.parametrize("flops", [1e18, 5.76e23])
def test_the_best_size_is_the_lowest_point_of_the_curve_of_equal_computing(law: Chinchilla, flops: float) -> None:
    sizes = np.geomspace(1e6, 1e13, 200_001)
    lowest = sizes[np.argmin([law.e + law.a / n**law.alpha + law.b / (flops / 6 / n) ** law.beta for n in sizes])]
    parameters, tokens = law.model_for(flops)
    assert parameters == pytest.approx(lowest, rel=1e-3)
    assert 6 * parameters * tokens == pytest.approx(flops)
    assert law.tokens_for(parameters) == pytest.approx(tokens)


def test_figures_that_the_papers_give() -> None:
    published, again = CHINCHILLAS
    # Hoffmann et al., section 3.3, say 40 B parameters for Gopher's computing; their printed, rounded constants give 32 B
    assert published.model_for(5.76e23)[0] == pytest.approx(32e9, rel=0.02)
    # Besiroglu et al.: fitted again it agrees with 20 tokens a parameter
    parameters, tokens = again.model_for(5.76e23)
    assert tokens / parameters == pytest.approx(20, rel=0.1)
    assert rule_of_thumb(6 * 70e9 * 1.4e12) == (pytest.approx(70e9), pytest.approx(1.4e12))
    # Kaplan et al., equation 1.5 in its two limits: their laws of N and of D alone
    law = Kaplan()
    assert law.loss(1.5e9, 1e30) == pytest.approx((6.4e13 / 1.5e9) ** 0.076)
    assert law.loss(1e30, 22e9) == pytest.approx((1.8e13 / 22e9) ** 0.103)
    assert law.model_for(8.64e19) == (pytest.approx(1.3e9), pytest.approx(2e10))
    assert law.tokens_for(law.model_for(1e21)[0]) == pytest.approx(law.model_for(1e21)[1])
    assert critical_batch(1.0) == 2e8


def test_more_of_anything_lowers_every_loss() -> None:
    for small, large in zip(for_flops(1e20), for_flops(1e22), strict=True):
        assert (small.parameters < large.parameters, small.tokens < large.tokens, small.loss > large.loss) == (True,) * 3
    for short, long in zip(for_model(1e8, tokens=1e9), for_model(1e8, tokens=1e10), strict=True):
        assert short.tokens == long.tokens
        assert short.loss > long.loss
    assert days(8.64e19, 10, 1e15, 0.5) == pytest.approx(0.2)


def test_the_command() -> None:
    found = CliRunner().invoke(app, ["budget", RECIPE])
    assert found.exit_code == 0
    assert "162,426,624 parameters with a vocabulary of 32,000; V·H + 12·H²·L is 151,977,984" in found.output
    assert "3.2B tokens are 19.7 a parameter, and 6·N·D = 3.12e+18 FLOPs" in found.output
    assert "113M" in found.output  # Kaplan's law counts no embeddings
    found = CliRunner().invoke(app, ["budget", "--flops", "1e21", "--devices", "8", "--mfu", "0.5"])
    assert "20 tokens a parameter: 2.89B parameters on 57.7B tokens" in found.output
    both = ["--parameters", "1B"]
    for wrong in ([], ["--flops", "1e21", *both], [RECIPE, *both], ["--flops", "1e21", "--tokens", "3B"]):
        found = CliRunner().invoke(app, ["budget", *wrong])
        assert found.exit_code == 1
    assert CliRunner().invoke(app, ["budget", "--parameters", "many"]).exit_code == 2
