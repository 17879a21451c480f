"""JSON-RPC 2.0 on stdio: lines, envelopes, dispatch. Knows no provider."""
