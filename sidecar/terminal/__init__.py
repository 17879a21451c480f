"""Clients of the sidecar that run in a terminal, each through a real sidecar's pipe."""
