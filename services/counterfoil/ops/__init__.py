"""Monitoring of the distributed form: metrics, traces, health and logs. The embedded form imports only `logs`.

- `telemetry`: `Instruments`, the hooks that the shell calls; `metrics` and `tracing` are its parts.
- `health`: named checks for liveness and readiness; `stuck` judges consumers.
- `probes`: the HTTP server that shows health and metrics.
- `logs`: text or JSON on standard error.
"""
