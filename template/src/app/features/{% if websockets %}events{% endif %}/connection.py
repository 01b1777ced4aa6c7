"""One WebSocket connection, from the handshake to the close frame."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter

from fastapi import WebSocket, WebSocketDisconnect

from app.core.events.hub import MAX_MESSAGE_BYTES, TOO_SLOW, CloseReason, Subscriber
from app.core.logging import get_logger
from app.core.rate_limit import RateLimitError
from app.features.events.schemas import Error, Reply
from app.features.events.subscriber import SUBPROTOCOLS

logger = get_logger(__name__)

EXPIRED = CloseReason(1008, "The session has expired")
TOO_BIG = CloseReason(1009, "The message is too big")
FAILED = CloseReason(1011, "Internal server error")

RATE_LIMIT_PAUSE = 1.0
"""Seconds to wait before reading the next message from a client that exceeds the rate limit."""

type Answer = Callable[[bytes], Awaitable[Reply]]


async def serve(websocket: WebSocket, subscriber: Subscriber, answer: Answer) -> None:
    """Accept the connection and serve it until the client or the server closes it.

    The opening and the closing of the connection are logged.
    """
    offered = websocket.scope["subprotocols"]
    await websocket.accept(next((name for name in SUBPROTOCOLS if name in offered), None))
    opened = perf_counter()
    logger.info("websocket_opened", path=websocket.url.path)
    close_reason = FAILED
    try:
        close_reason = await _read_and_write(websocket, subscriber, answer)
    except Exception:
        logger.exception("websocket_failed")
    finally:
        logger.log(
            logging.WARNING if close_reason is TOO_SLOW else logging.INFO,
            "websocket_closed",
            code=int(close_reason.code),
            duration_ms=round((perf_counter() - opened) * 1000, 2),
        )
    # Closing fails if the client has already closed the connection.
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.close(*close_reason)


async def _read_and_write(
    websocket: WebSocket, subscriber: Subscriber, answer: Answer
) -> CloseReason:
    reading = asyncio.create_task(_read(websocket, subscriber, answer))
    writing = asyncio.create_task(_write(websocket, subscriber))
    tasks = {reading, writing, subscriber.close_reason}
    try:
        done, _ = await asyncio.wait(
            tasks, timeout=subscriber.lifetime, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if not done:
        return EXPIRED
    return next(it for it in (subscriber.close_reason, reading, writing) if it in done).result()


async def _read(websocket: WebSocket, subscriber: Subscriber, answer: Answer) -> CloseReason:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return CloseReason(message["code"], "Closed by the client")
        data: bytes = message.get("bytes") or (message.get("text") or "").encode()
        if len(data) > MAX_MESSAGE_BYTES:
            return TOO_BIG
        try:
            reply = await answer(data)
        except RateLimitError as exc:
            reply = Error(code="RATE_LIMITED", message=exc.message)
            await asyncio.sleep(RATE_LIMIT_PAUSE)
        # Backpressure: while the send queue is full, the server reads no messages from the client.
        await subscriber.queue.put(reply.model_dump_json())


async def _write(websocket: WebSocket, subscriber: Subscriber) -> CloseReason:
    while True:
        message = await subscriber.queue.get()
        try:
            await websocket.send_text(message)
        except WebSocketDisconnect as exc:
            return CloseReason(exc.code, "The client disconnected")
