"""The shell around the pure core: reads clocks, verifies signatures, commits, publishes, projects.

`runner` is the path of a command, step by step; `publisher` writes the public log; `receipts` answers waiting senders;
`projector` keeps the views.
"""
