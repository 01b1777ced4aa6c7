from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Depends, WebSocket
from fastapi.responses import FileResponse

from app.core.docs import DOCS_CSP
from app.core.rate_limit import client_address
from app.dependencies import ResourcesDep
from app.features.events import connection
from app.features.events.dependencies import SubscriberDep, check_origin, require_docs
from app.features.events.schemas import Reply
from app.features.events.service import handle_message

DEMO = Path(__file__).with_name("demo")

router = APIRouter(prefix="/ws", tags=["events"])
demo = APIRouter(prefix="/demo", dependencies=[Depends(require_docs)], include_in_schema=False)


@router.websocket("", dependencies=[Depends(check_origin)])
async def live_events(
    websocket: WebSocket, subscriber: SubscriberDep, resources: ResourcesDep
) -> None:
    """Send a client the events of its channels, except those about rows that it may not read."""

    async def answer(data: bytes) -> Reply:
        # A WebSocket message counts toward the rate limit, as an HTTP request does.
        rate = resources.settings.rate_limit_default
        await resources.rate_limiter.hit(rate, "request", client_address(websocket))
        return handle_message(subscriber, data)

    await connection.serve(websocket, subscriber, answer)


@demo.get("")
async def show_demo() -> FileResponse:
    """Return a demo page that shows live events as they arrive."""
    return FileResponse(DEMO / "index.html", headers={"Content-Security-Policy": DOCS_CSP})


@demo.get("/{name}")
async def get_demo_file(name: Literal["demo.css", "demo.js"]) -> FileResponse:
    return FileResponse(DEMO / name)


router.include_router(demo)
