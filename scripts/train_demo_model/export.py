"""From trained parameters to the files that ship: demo.gguf and the facts about it, demo.json."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from scripts.train_demo_model.chat_format import CHAT_TEMPLATE
from scripts.train_demo_model.model import EPSILON, ROPE_BASE
from scripts.train_demo_model.tokenizer import BOS, EOS, UNK, Tokenizer
from scripts.train_demo_model.training import Outcome, Plan

NAME = "AI Sidecar demo"
LICENSE = "CC0-1.0"
DESCRIPTION = "A tiny chat model for demonstration, trained from scratch on generated dialogues"
RECORDED_STEPS = 60
CURVE_EVERY = 200


def _describe(writer: gguf.GGUFWriter, plan: Plan) -> None:
    writer.add_name(NAME)
    writer.add_description(DESCRIPTION)
    writer.add_license(LICENSE)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(plan.context)
    writer.add_embedding_length(plan.width)
    writer.add_block_count(plan.layers)
    writer.add_feed_forward_length(plan.hidden)
    writer.add_head_count(plan.heads)
    writer.add_head_count_kv(plan.heads)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_dimension_count(plan.width // plan.heads)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(plan.vocabulary)


def _describe_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokenizer.vocabulary)
    writer.add_token_scores(tokenizer.scores)
    writer.add_token_types(tokenizer.types)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_unk_token_id(UNK)
    writer.add_add_bos_token(value=True)
    writer.add_add_eos_token(value=False)
    writer.add_add_space_prefix(value=False)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_gguf(path: Path, plan: Plan, outcome: Outcome) -> None:
    """Write the model: matrices in 16 bits, the rest in 32.

    At this size 8 bits would save a megabyte, but F16 keeps the trained answers exactly, and it
    needs none of llama.cpp's processor-specific kernels for quantised matrices.
    """
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, plan)
    _describe_tokenizer(writer, outcome.tokenizer)
    for name, value in outcome.params.items():
        writer.add_tensor(name, value.astype(np.float32 if value.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@dataclass(frozen=True)
class Facts:
    """What demo.json says about demo.gguf."""

    name: str
    description: str
    license: str
    file: str
    bytes: int
    sha256: str
    parameters: int
    context_length: int
    precision: str
    command: str
    plan: dict[str, Any]
    vocabulary_sha256: str
    training_seconds: int
    first_losses: list[float]
    loss_curve: dict[str, float]


def vocabulary_digest(tokenizer: Tokenizer) -> str:
    """Give a digest of the vocabulary, which a retraining must reach exactly."""
    return hashlib.sha256("\n".join(tokenizer.vocabulary).encode()).hexdigest()


def loss_curve(losses: list[float]) -> dict[str, float]:
    """Give the mean loss of each stretch of the run, by the step that ends it."""
    return {
        str(end): round(float(np.mean(losses[max(0, end - CURVE_EVERY) : end])), 4)
        for end in range(CURVE_EVERY, len(losses) + 1, CURVE_EVERY)
    }


def facts_of(path: Path, plan: Plan, outcome: Outcome, command: str) -> Facts:
    """Gather the facts about a written model."""
    data = path.read_bytes()
    return Facts(
        name=NAME,
        description=DESCRIPTION,
        license=LICENSE,
        file=path.name,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        parameters=plan.shape().parameter_count(),
        context_length=plan.context,
        precision="F16",
        command=command,
        plan=asdict(plan),
        vocabulary_sha256=vocabulary_digest(outcome.tokenizer),
        training_seconds=round(outcome.seconds),
        first_losses=[round(loss, 4) for loss in outcome.losses[:RECORDED_STEPS]],
        loss_curve=loss_curve(outcome.losses),
    )


def write_facts(path: Path, facts: Facts) -> None:
    """Write demo.json."""
    path.write_text(json.dumps(asdict(facts), indent=2) + "\n", encoding="utf-8")
