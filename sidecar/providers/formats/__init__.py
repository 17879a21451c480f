"""Wire formats: pure functions and decoders, one package or module each."""
