"""The command line: arguments, output and exit codes; what it does is done by the packages below."""

import gc

# A command makes much at its start, and drops little: by default the collector looks eighty times at what it
# imports.
gc.set_threshold(100_000)
