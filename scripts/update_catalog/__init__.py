"""Writes what is known of models beforehand: sidecar/providers/known_models.json."""
