"""How often the gate is wrong, measured. Not part of the gate; `python -m studies.verdicts` makes docs/verdicts.md.

`columns` says what is compared, `slower` makes the slower ones, `record` times real pairs and takes live verdicts,
`replay` judges recorded pairs again, `rivals` judges the same runs by other tools' rules, `rebuild` gates ten builds of
one recipe, `write` makes the page.
"""
