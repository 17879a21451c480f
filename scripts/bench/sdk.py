"""The peer: the openai SDK, as its documentation shows it, writing a JSON-RPC line per chunk."""

from __future__ import annotations

import asyncio
import sys

from openai import AsyncOpenAI

from scripts.bench.wire import AskedParams, answer_all, chunk_line, end_line, write


async def _serve(port: int) -> None:
    client = AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)

    async def stream(params: AskedParams) -> None:
        seq = 0
        answer = await client.chat.completions.create(
            model=params.request.model,
            messages=[{"role": "user", "content": "Count."}],
            stream=True,
        )
        async for chunk in answer:
            if content := chunk.choices[0].delta.content:
                seq += 1
                write(chunk_line(params.execution_id, seq, content))
        write(end_line(params.execution_id, seq + 1))

    await answer_all(stream)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
