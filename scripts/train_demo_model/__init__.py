"""The room where the demo model is made: corpus, tokenizer, model, training, export, evaluation.

Run it as ``python scripts/train_demo_model``; it needs nothing but numpy and gguf.
"""
