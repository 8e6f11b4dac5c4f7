"""Continuous matching against a batch auction, on the same orders, made of a cluster trace.

`orders` makes them, `matched` runs both rules as the market has them, `figures` says what came of it, `page` draws it.
"""
