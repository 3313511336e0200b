"""Other models than the default decoder, and other objectives than the next token: `model.architecture` in the YAML.

Read `config` (the options), then one small file an idea: `norms`, `activations`, `positions`, `sight` (who sees whom),
`experts`, `layers`, put together in `model`; `objectives` and `rows` (what a sequence of the shards is made into); `build`,
where the trainer comes in; `export`, what of it `transformers` has. Without the section none of it is in the way.
"""
