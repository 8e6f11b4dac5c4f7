"""Audit by replay: reads only what is published, believes only what it can recompute.

`structure` checks that the files are the log under its signed checkpoint, to the last byte. `replay` checks what the
entries say: every cause exists and was consumed once and in order, every signature was by a key in force, and every
decision, made again by the same rules, gives the same bytes. Findings are values (`report`), never exceptions.
"""
