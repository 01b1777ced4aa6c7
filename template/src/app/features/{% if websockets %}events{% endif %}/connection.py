"""One connection, from its opening to its end."""

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
FAILED = CloseReason(1011, "Something went wrong on our side")

PAUSE = 1.0
"""Seconds for which nothing is read from a client who sent too much."""

type Answer = Callable[[bytes], Awaitable[Reply]]


async def serve(websocket: WebSocket, subscriber: Subscriber, answer: Answer) -> None:
    """Keep the connection until either side ends it; the log has a line for both ends of it."""
    offered = websocket.scope["subprotocols"]
    await websocket.accept(next((name for name in SUBPROTOCOLS if name in offered), None))
    opened = perf_counter()
    logger.info("websocket_opened", path=websocket.url.path)
    ending = FAILED
    try:
        ending = await _converse(websocket, subscriber, answer)
    except Exception:
        logger.exception("websocket_failed")
    finally:
        logger.log(
            logging.WARNING if ending is TOO_SLOW else logging.INFO,
            "websocket_closed",
            code=int(ending.code),
            duration_ms=round((perf_counter() - opened) * 1000, 2),
        )
    with suppress(WebSocketDisconnect, RuntimeError):  # It may be closed already.
        await websocket.close(*ending)


async def _converse(websocket: WebSocket, subscriber: Subscriber, answer: Answer) -> CloseReason:
    reading = asyncio.create_task(_read(websocket, subscriber, answer))
    writing = asyncio.create_task(_write(websocket, subscriber))
    parts = {reading, writing, subscriber.ending}
    try:
        done, _ = await asyncio.wait(
            parts, timeout=subscriber.lifetime, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for part in parts:
            part.cancel()
        await asyncio.wait(parts)
    if not done:
        return EXPIRED
    return next(part for part in (subscriber.ending, reading, writing) if part in done).result()


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
            await asyncio.sleep(PAUSE)
        # Whoever does not read the answers is not read either.
        await subscriber.queue.put(reply.model_dump_json())


async def _write(websocket: WebSocket, subscriber: Subscriber) -> CloseReason:
    while True:
        message = await subscriber.queue.get()
        try:
            await websocket.send_text(message)
        except WebSocketDisconnect as exc:
            return CloseReason(exc.code, "The client is gone")
