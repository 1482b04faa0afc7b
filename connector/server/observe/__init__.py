"""The service seen from outside: metrics, probes, request ids, the last log lines, traces."""
