"""A whole system on this machine: its servers, its processes, and what watches and drives it from outside."""
