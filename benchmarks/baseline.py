"""The limit: bare FastAPI and asyncpg, the same queries and documents, and nothing else."""

import base64
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field

COLUMNS = "SELECT id, title, description, created_at, updated_at FROM items"
NEWEST_FIRST = f"{COLUMNS} ORDER BY created_at DESC, id DESC"


class Health(BaseModel):
    status: str = "ok"


class ItemCreate(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(None, max_length=2000)


class Item(BaseModel):
    id: UUID
    title: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class Page(BaseModel):
    items: list[Item]
    total: int
    page: int
    page_size: int
    has_next: bool


class Feed(BaseModel):
    items: list[Item]
    next_cursor: str | None


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    # The service's pool asks the server nothing when a connection comes back; nor does this one.
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=20, max_size=20, reset=_keep
    ) as pool:
        yield {"pool": pool}


async def _keep(_connection: object) -> None: ...


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> Health:
    return Health()


@app.get("/api/v1/items")
async def list_items(request: Request, page: int = 1, page_size: int = 20) -> Page:
    async with request.state.pool.acquire() as connection:
        rows = await connection.fetch(
            f"{NEWEST_FIRST} OFFSET $1 LIMIT $2", (page - 1) * page_size, page_size
        )
        total = await connection.fetchval("SELECT count(*) FROM items")
    return Page(
        items=[Item(**row) for row in rows],
        total=total,
        page=page,
        page_size=page_size,
        has_next=page * page_size < total,
    )


@app.get("/api/v1/items/feed")
async def feed_items(request: Request, limit: int = 20) -> Feed:
    rows = await request.state.pool.fetch(f"{NEWEST_FIRST} LIMIT $1", limit + 1)
    items = [Item(**row) for row in rows[:limit]]
    text = f"{items[-1].created_at.isoformat()}|{items[-1].id}"
    more = len(rows) > limit
    return Feed(
        items=items,
        next_cursor=base64.urlsafe_b64encode(text.encode()).decode() if more else None,
    )


@app.get("/api/v1/items/{item_id}")
async def get_item(request: Request, item_id: UUID) -> Item:
    row = await request.state.pool.fetchrow(f"{COLUMNS} WHERE id = $1", item_id)
    if row is None:
        raise HTTPException(404)
    return Item(**row)


@app.post("/api/v1/items", status_code=201)
async def create_item(request: Request, response: Response, data: ItemCreate) -> Item:
    now = datetime.now(UTC)
    item = Item(id=uuid4(), created_at=now, updated_at=now, **data.model_dump())
    async with request.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO items (id, title, description, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5)",
            *item.model_dump().values(),
        )
    response.headers["Location"] = f"/api/v1/items/{item.id}"
    return item
