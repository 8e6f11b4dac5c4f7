"""The one place where ports meet implementations.

`embedded` puts every service into one process, on SQLite and a transport in memory.
"""
