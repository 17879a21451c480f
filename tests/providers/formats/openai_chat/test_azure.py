"""Azure: its two kinds of paths, its two kinds of keys, and what its filters say."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest

from sidecar.errors import ContentFilter, ModelNotFound
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target, Vendor
from sidecar.values import AIRequest
from tests.providers.answers import (
    CUTS,
    ROWS,
    WIRE,
    Cut,
    answer,
    delta,
    events,
    streamed,
    target_of,
)
from tests.providers.formats.openai_chat.saying import whole_answer

Json = dict[str, Any]
HOST = "https://name.openai.azure.com"
SAFE = {"filtered": False, "severity": "safe"}


def azure(
    base_url: str, api_version: str | None = None, *, model: str = "gpt-4o", row: str = "azure"
) -> Target:
    target = target_of(row, base_url=base_url, model=model, key="0123456789")
    return dataclasses.replace(target, api_version=api_version)


@pytest.mark.parametrize(
    ("base_url", "api_version", "chat", "models"),
    [
        (HOST, None, "/openai/v1/chat/completions", "/openai/v1/models"),
        (f"{HOST}/openai", None, "/openai/v1/chat/completions", "/openai/v1/models"),
        (f"{HOST}/openai/v1", None, "/openai/v1/chat/completions", "/openai/v1/models"),
        (
            f"{HOST}/openai/v1",
            "preview",
            "/openai/v1/chat/completions?api-version=preview",
            "/openai/v1/models?api-version=preview",
        ),
        (
            HOST,
            "preview",
            "/openai/v1/chat/completions?api-version=preview",
            "/openai/v1/models?api-version=preview",
        ),
        (
            HOST,
            "2024-10-21",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            "/openai/models?api-version=2024-10-21",
        ),
        (
            f"{HOST}/openai",
            "2025-04-01-preview",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2025-04-01-preview",
            "/openai/models?api-version=2025-04-01-preview",
        ),
    ],
)
def test_the_api_version_and_the_address_say_which_path(
    base_url: str, api_version: str | None, chat: str, models: str
) -> None:
    target = azure(base_url, api_version)
    request = msgspec.convert({"messages": [{"role": "user", "content": "hi"}]}, AIRequest)
    http = WIRE.build_request(request, target, Facts())
    assert http.url == HOST + chat
    assert WIRE.build_models_request(target).url == HOST + models
    assert http.headers["api-key"] == "0123456789"
    assert "authorization" not in http.headers


def test_a_deployment_stays_within_its_part_of_the_path() -> None:
    target = azure(HOST, "2024-10-21", model="../a b?c")
    request = msgspec.convert({"messages": [{"role": "user", "content": "hi"}]}, AIRequest)
    url = WIRE.build_request(request, target, Facts()).url
    assert "/openai/deployments/..%2Fa%20b%3Fc/chat/completions?" in url


def test_an_entra_token_goes_as_a_bearer() -> None:
    row: Vendor = msgspec.structs.replace(ROWS["azure"], auth="bearer")
    target = dataclasses.replace(azure(HOST), vendor=row)
    headers = WIRE.build_models_request(target).headers
    assert headers["authorization"] == "Bearer 0123456789"
    assert "api-key" not in headers


def test_a_row_of_ones_own_takes_an_api_version_as_well() -> None:
    target = azure("https://gateway.example/x", "2024-10-21", row="openai-compatible")
    assert WIRE.build_models_request(target).url.endswith("/x/models?api-version=2024-10-21")


def test_a_request_asks_for_usage_and_names_its_limit_as_openai_does() -> None:
    request = msgspec.convert(
        {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 5},
        AIRequest,
    )
    body = json.loads(WIRE.build_request(request, azure(HOST), Facts()).body or b"")
    assert body["max_completion_tokens"] == 5
    assert body["stream_options"] == {"include_usage": True}


# --- answers --------------------------------------------------------------------------------------

PROMPT = [
    {"prompt_index": 0, "content_filter_results": {"hate": SAFE, "jailbreak": {"filtered": False}}}
]
FIRST: Json = {"id": "", "model": "", "object": "", "choices": [], "prompt_filter_results": PROMPT}


def filtered(**results: object) -> Json:
    """An event of the filter that runs beside the model: it has no delta."""
    choice = {"index": 0, "finish_reason": None, "content_filter_results": results}
    return {"id": "", "model": "", "choices": [choice], "usage": None}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_what_was_let_through_is_not_told(cut: Cut) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    body = events(
        FIRST,
        delta(content="Hel"),
        delta(content="lo"),
        filtered(hate=SAFE, violence=SAFE),
        delta("stop"),
        filtered(hate=SAFE, custom_blocklists={"filtered": False, "details": []}),
        {"id": "c1", "model": "m1", "choices": [], "usage": usage},
    )
    response = streamed(body, azure(HOST), cut)[1]
    assert (response.content, response.finish_reason, response.warnings) == ("Hello", "stop", None)
    assert (response.model, response.response_id) == ("m1", "c1")
    assert response.usage is not None


def test_what_was_filtered_is_told_with_its_severity() -> None:
    hit = {"filtered": True, "severity": "medium"}
    prompt = {**FIRST, "prompt_filter_results": [{"content_filter_results": {"hate": hit}}]}
    last = delta("content_filter")
    last["choices"][0]["content_filter_results"] = {"violence": hit, "hate": SAFE}
    response = streamed(events(prompt, delta(content="a"), last), azure(HOST))[1]
    assert response.finish_reason == "content_filter"
    assert response.warnings == [
        "The provider's content filter was set off by the prompt: hate (medium).",
        "The provider's content filter was set off by the answer: violence (medium).",
    ]


def test_a_filter_that_did_not_run_is_told() -> None:
    broken = filtered(error={"code": "content_filter_error", "message": "down"})
    response = streamed(events(delta(content="a"), broken, delta("stop")), azure(HOST))[1]
    assert "did not run" in (response.warnings or [""])[0]


def test_a_whole_answer_tells_its_filters_as_well() -> None:
    body = json.loads(whole_answer("content_filter", content="a"))
    body["choices"][0]["content_filter_results"] = {"sexual": {"filtered": True}}
    response = answer(json.dumps(body).encode(), azure(HOST))
    assert "sexual" in (response.warnings or [""])[0]


@pytest.mark.parametrize("odd", [7, "x", [7], {"hate": 7}, {"hate": {"filtered": "yes"}}])
def test_odd_filters_cost_nothing(odd: object) -> None:
    told = {**FIRST, "prompt_filter_results": odd}
    chosen = delta("stop", content="a")
    chosen["choices"][0]["content_filter_results"] = odd
    response = streamed(events(told, chosen), azure(HOST))[1]
    assert (response.content, response.warnings) == ("a", None)


def test_a_refused_prompt_is_told_with_what_was_found_in_it() -> None:
    found = {"violence": {"filtered": True, "severity": "medium"}, "hate": SAFE}
    error = {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content "
        "management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found},
    }
    body = json.dumps({"error": error}).encode()
    refusal = WIRE.parse_error(400, {"apim-request-id": "r1"}, body, azure(HOST))
    assert type(refusal) is ContentFilter
    assert "violence (medium)" in refusal.hint
    assert refusal.provider_message == error["message"]
    with pytest.raises(ContentFilter):
        streamed(events({"error": error}), azure(HOST))


def test_a_deployment_that_is_not_there_is_a_model_and_no_address() -> None:
    said = "The API deployment for this resource does not exist."
    body = json.dumps({"error": {"code": "DeploymentNotFound", "message": said}}).encode()
    error = WIRE.parse_error(404, {}, body, target_of("azure", base_url="https://a.example"))
    assert type(error) is ModelNotFound
    assert "deployment" in error.hint
