"""`cryoglean models`: the weights that can be picked with."""

from __future__ import annotations

from typing import Annotated

import typer


def models(
    name: Annotated[
        str | None,
        typer.Argument(help="Show the whole card of these weights: a name or a folder.", show_default=False),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the weights that come with the package, or show one card."""
    import json

    from cryoglean.networks.weights import list_weights, read_weights

    cards = [read_weights(name).card] if name else [weights.card for weights in list_weights()]
    if as_json:
        typer.echo(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        return
    if name:
        typer.echo(cards[0].model_dump_json(indent=2))
        return
    for card in cards:
        found = ", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in card.validation.items())
        typer.echo(f"{card.name}: threshold {card.threshold:g}; {card.data}")
        typer.echo(f"  on held-out simulated families: {found}")
    if not cards:
        typer.echo("no weights come with this package; train some with `cryoglean train`")
