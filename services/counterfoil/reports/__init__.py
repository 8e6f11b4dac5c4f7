"""Reports and patterns of fraud, computed from published logs alone.

`folding` reads every log once, each entry against the tree that its checkpoint signs, and keeps what reports need: the
rows of the services' own views, what flowed between accounts, what was refused. A report (`catalogue`) is a function
from that to rows. Nothing here decides anything, and nothing here moves value.
"""
