"""What people watch the services of the distributed form with. The embedded form imports none of it but `logs`.

- `telemetry`: `Instruments`, the hooks that the shell calls; `metrics` and `tracing` are its parts.
- `health`: named checks for liveness and readiness; `stuck` judges consumers.
- `probes`: the HTTP server that shows health and metrics.
- `logs`: text or JSON on standard error.
"""
