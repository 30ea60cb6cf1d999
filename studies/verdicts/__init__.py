"""Measured error rates of the gate. Not part of the gate; `python -m studies.verdicts` writes docs/verdicts.md.

`columns` lists the comparisons, `slower` and `calibrate` make the slower files, `record` times real pairs and takes
live verdicts, `replay` decides recorded pairs again, `rivals` applies the rules of other tools to the same runs,
`rebuild` gates ten builds of one recipe, and `page` writes the page.
"""
