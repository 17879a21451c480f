"""Local models: a llama.cpp worker process and its supervisor."""
