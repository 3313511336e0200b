"""From a recipe to a run: names become objects (recipe), columns are checked (columns), stages become passes (plan), passes run (run)."""
