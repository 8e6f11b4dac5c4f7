"""`python -m counterfoil` is the `counterfoil` command."""

from __future__ import annotations

from counterfoil.cli.main import app

if __name__ == "__main__":
    app()
