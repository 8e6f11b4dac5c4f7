"""For users of Counterfoil: signs commands, talks to a gateway over HTTP, verifies receipts, mirrors logs."""
