"""From a recipe to a run: `load` makes objects of names, `columns` checks what they read, `plan` makes passes of stages, `run`
runs them, `publish` makes the output equal to the manifests."""
