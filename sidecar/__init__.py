"""AI Sidecar: every AI provider behind line-delimited JSON-RPC on stdio."""

__version__ = "0.1.0"
PROTOCOL_VERSION = "1.0"
