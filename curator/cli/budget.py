"""`budget`: the size, the tokens and the days of a training run, before it begins."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from curator import config, storage
from curator.cli.errors import complaining, console, say
from curator.errors import UserError

commands = typer.Typer()


def _number(given: str | float) -> float:
    text = str(given)  # a default is a number already
    try:
        value = float(config.quantity(text) or text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{text!r} is no number above 0: write 160M, 3.2B or 1e21")
    return value


@commands.command()
def budget(
    recipe: Annotated[
        str | None, typer.Argument(help="Training options, such as pipelines/train/160m.yaml.", metavar="[CONFIG]")
    ] = None,
    parameters: Annotated[float | None, typer.Option(parser=_number, help="Of the model: 160M.", metavar="N")] = None,
    tokens: Annotated[float | None, typer.Option(parser=_number, help="To train on: 3.2B.", metavar="D")] = None,
    flops: Annotated[float | None, typer.Option(parser=_number, help="To spend: 1e21.", metavar="C")] = None,
    vocabulary: Annotated[int, typer.Option(help="Ids of the tokenizer, for the size of CONFIG's model.", min=2)] = 32_000,
    devices: Annotated[int, typer.Option(help="To train on.", min=1)] = 1,
    peak_flops: Annotated[
        float, typer.Option(parser=_number, help="Of one device a second; an H100 has 989e12 in bfloat16.", metavar="F")
    ] = 989e12,  # type: ignore[assignment]
    mfu: Annotated[float, typer.Option(help="The share of it that training uses.", min=0.01, max=1.0)] = 0.4,
) -> None:
    """What a training run costs, and what the Chinchilla and Kaplan laws advise for a model, or for so much computing.

    Give one of CONFIG, --parameters (both may have --tokens) and --flops.
    """
    with complaining():
        from curator.train import budget as laws
        from curator.train.config import TrainConfig

        if sum(given is not None for given in (recipe, parameters, flops)) != 1:
            raise UserError("budget: give one of CONFIG, --parameters and --flops")
        if flops is not None and tokens is not None:
            raise UserError("budget: --tokens goes with CONFIG or --parameters; --flops says itself how many")
        if flops is not None:
            size, count = laws.rule_of_thumb(flops)
            _show(laws.for_flops(flops))
            say(f"20 tokens a parameter: {_short(size)} parameters on {_short(count)} tokens")
        else:
            inner = None
            if recipe is not None:
                options = config.build(TrainConfig, config.load(storage.preset("pipelines/train", recipe)))
                model = options.model
                parameters = float(model.parameters(vocabulary))
                inner = parameters - vocabulary * model.width * (1 if model.tied_embeddings else 2)
                tokens = tokens or options.tokens or (options.steps or 0) * options.batch_tokens or None
                say(
                    f"{model.parameters(vocabulary):,} parameters with a vocabulary of {vocabulary:,}; "
                    f"V·H + 12·H²·L is {model.parameters_by_formula(vocabulary):,}"
                )
            assert parameters is not None
            _show(laws.for_model(parameters, inner, tokens))
            tokens = tokens or laws.TOKENS_PER_PARAMETER * parameters
            flops = 6 * parameters * tokens
            say(f"{_short(tokens)} tokens are {tokens / parameters:.1f} a parameter, and 6·N·D = {flops:.2e} FLOPs")
        spent = laws.days(flops, devices, peak_flops, mfu)
        took = f"{spent:,.1f} days" if spent >= 2 else f"{spent * 24:,.1f} hours"
        say(f"{took} on {devices} x {peak_flops:.3g} FLOP/s at an MFU of {mfu:.0%}")


def _show(found: list) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("law", "parameters", "its best tokens", "a parameter", "6·N·D", "loss"):
        table.add_column(name, justify="left" if name == "law" else "right", no_wrap=True)
    for one in found:
        ratio = f"{one.tokens / one.parameters:,.1f}"
        table.add_row(one.law, _short(one.parameters), _short(one.tokens), ratio, f"{one.flops:.2e}", f"{one.loss:.3f}")
    console.print(table)


def _short(number: float) -> str:
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"
