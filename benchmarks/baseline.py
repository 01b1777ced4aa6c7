"""Two applications that `run.py` compares with a generated service: `bare` and `fair`.

Both applications use the service's tables, and return the same JSON documents as the service.

`bare` is the minimum: FastAPI and asyncpg with response models, without authentication and logs.

`fair` is short and fast hand-written code that gives the same guarantees as the service:

- For each request, PyJWT verifies the access token, and a query reads the user's state from the
  database. A request with the token of a deleted or inactive user gets a 401 response.
- Users see only items that they own, and admins see all items. A request for another user's item
  gets a 404 response.
- Every response has a request id and the security headers. Every request is logged as one JSON
  line.
- The number of requests from each client address is limited.
- Every error response has the form `{"error": {"code", "message", "details"}}`, and contains no
  internal details.
- Input is validated as strictly as in the service. A page contains the total number of items, and a
  feed contains a cursor.
- A 2xx response is sent after the commit. A read request uses no transaction.
- Timeouts limit connecting to the database, waiting for a pooled connection, and each statement. If
  the database is unavailable, the response is 503.

For each request, the service also handles CORS, compression, allowed hosts, trusted proxies and the
size limit of the body. `fair` omits these features, so the comparison favors `fair`.
"""

import base64
import ipaddress
import os
import re
import secrets
import time
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import jwt
import orjson
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# --- Schemas and the connection pool of both applications ---

COLUMNS = "id, owner_id, title, description, created_at, updated_at"
INSERT = f"INSERT INTO items ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)"


class Health(BaseModel):
    status: str = "ok"


class ItemCreate(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(None, max_length=2000)


class Item(BaseModel):
    id: UUID
    owner_id: UUID | None
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


def make_page(rows: list[asyncpg.Record], total: int, page: int, page_size: int) -> Page:
    return Page(
        items=[Item(**row) for row in rows],
        total=total,
        page=page,
        page_size=page_size,
        has_next=page * page_size < total,
    )


def make_feed(rows: list[asyncpg.Record], limit: int) -> Feed:
    """Return a feed of the first `limit` rows. If there are more rows, the feed has a next page."""
    items = [Item(**row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Feed(items=items, next_cursor=None)
    text = f"{items[-1].created_at.isoformat()}|{items[-1].id}"
    return Feed(items=items, next_cursor=base64.urlsafe_b64encode(text.encode()).decode())


async def keep_session(_connection: object) -> None:
    """Return a connection to the pool without resetting it, as the service does."""


def pooled(**options: Any) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Any]]]:
    """Return a lifespan that opens a pool of 30 connections, as many as in the service's pool."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        url = os.environ["DATABASE_URL"]
        async with asyncpg.create_pool(
            url, min_size=0, max_size=30, reset=keep_session, **options
        ) as pool:
            yield {"pool": pool}

    return lifespan


# --- The application `bare` ---

bare = FastAPI(lifespan=pooled())

NEWEST_FIRST = f"SELECT {COLUMNS} FROM items ORDER BY created_at DESC, id DESC"


@bare.get("/health")
async def bare_health() -> Health:
    return Health()


@bare.get("/api/v1/items")
async def bare_list(request: Request, page: int = 1, page_size: int = 20) -> Page:
    async with request.state.pool.acquire() as connection:
        rows = await connection.fetch(
            f"{NEWEST_FIRST} OFFSET $1 LIMIT $2", (page - 1) * page_size, page_size
        )
        total = await connection.fetchval("SELECT count(*) FROM items")
    return make_page(rows, total, page, page_size)


@bare.get("/api/v1/items/feed")
async def bare_feed(request: Request, limit: int = 20) -> Feed:
    async with request.state.pool.acquire() as connection:
        rows = await connection.fetch(f"{NEWEST_FIRST} LIMIT $1", limit + 1)
    return make_feed(rows, limit)


@bare.get("/api/v1/items/{item_id}")
async def bare_get(request: Request, item_id: UUID) -> Item:
    async with request.state.pool.acquire() as connection:
        row = await connection.fetchrow(f"SELECT {COLUMNS} FROM items WHERE id = $1", item_id)
    if row is None:
        raise HTTPException(404)
    return Item(**row)


@bare.post("/api/v1/items", status_code=201)
async def bare_create(request: Request, response: Response, data: ItemCreate) -> Item:
    now = datetime.now(UTC)
    item = Item(id=uuid4(), owner_id=None, **data.model_dump(), created_at=now, updated_at=now)
    async with request.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(INSERT, *item.model_dump().values())
    response.headers["Location"] = f"/api/v1/items/{item.id}"
    return item


# --- The application `fair` ---

fair = FastAPI(
    lifespan=pooled(timeout=3, command_timeout=6, server_settings={"timezone": "UTC"}),
    openapi_url=None,
    redirect_slashes=False,
)


# --- Error responses of `fair` ---

CODES = {413: "PAYLOAD_TOO_LARGE", 422: "VALIDATION_ERROR", 429: "RATE_LIMITED"}
CODES |= {500: "INTERNAL_ERROR"}


def error(
    status: int,
    message: str | None = None,
    details: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = {
        "code": CODES.get(status) or HTTPStatus(status).name,
        "message": message or HTTPStatus(status).phrase,
        "details": details or {},
    }
    return JSONResponse({"error": body}, status, headers)


@fair.exception_handler(StarletteHTTPException)
async def on_http_error(_request: Request, exc: StarletteHTTPException) -> JSONResponse:
    return error(exc.status_code, exc.detail, headers=exc.headers)


@fair.exception_handler(RequestValidationError)
async def on_invalid(_request: Request, exc: RequestValidationError) -> JSONResponse:
    errors = exc.errors()
    if any(each["type"] == "json_invalid" for each in errors):
        return error(400, "The body is not valid JSON.")
    if isinstance(exc.body, bytes):  # FastAPI parses only bodies with a JSON content type.
        return error(415, "Send the body as application/json.")
    listed = [
        {
            "field": ".".join(map(str, each["loc"][1:])).encode("utf-8", "replace").decode(),
            "message": each["msg"],
            "type": each["type"],
        }
        for each in errors[:100]
    ]
    return error(422, "The request is not valid.", {"errors": listed})


async def on_outage(_request: Request, exc: Exception) -> JSONResponse:
    log("error", "server_error", exception=repr(exc))
    return error(503, "The database is unavailable.", headers={"Retry-After": "5"})


for outage in (
    OSError,  # Includes TimeoutError, which is a subclass of OSError.
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
):
    fair.add_exception_handler(outage, on_outage)


# --- Request id, security headers, rate limit and log of `fair` ---

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

SECURITY_HEADERS = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
]

STDOUT = open(1, "wb", buffering=0)  # noqa: SIM115 - open as long as the process runs


def log(level: str, event: str, **values: Any) -> None:
    """Write one log line. The line is dropped if writing fails, for example on a full disk."""
    line = {"timestamp": datetime.now(UTC), "level": level, "event": event, "logger": "fair"}
    try:
        STDOUT.write(orjson.dumps(line | values, option=orjson.OPT_APPEND_NEWLINE))
    except OSError:
        return


@lru_cache(maxsize=4096)
def address_of(host: str) -> str:
    """Return an IPv4 address, or an IPv6 address's /64 network: one client may own all of it."""
    address = ipaddress.ip_address(host)
    if address.version == 4:
        return host
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


class RateLimit:
    """Limits the requests of each client address in a sliding window, for example to `6000/minute`.

    Requests of the previous window are weighted by the part of that window which the sliding window
    covers. A client therefore cannot send twice the limit around the boundary between two windows.
    """

    def __init__(self, rate: str) -> None:
        amount, period = rate.split("/")
        self.amount = int(amount)
        self.period = {"second": 1, "minute": 60, "hour": 3600}[period]
        self.window = 0
        self.counts: Counter[str] = Counter()
        self.before: Counter[str] = Counter()

    def hit(self, address: str) -> int:
        """Count a request. Return 0, or the seconds to wait if the request exceeds the limit."""
        now = time.monotonic()
        window, elapsed = int(now // self.period), now % self.period
        if window != self.window:
            self.before = self.counts if window == self.window + 1 else Counter()
            self.counts, self.window = Counter(), window
        rest = self.period - elapsed
        if self.counts[address] + self.before[address] * rest / self.period >= self.amount:
            return int(rest) + 1
        self.counts[address] += 1
        return 0

    def refusal(self, wait: int) -> JSONResponse:
        headers = {
            "Retry-After": str(wait),
            "RateLimit-Limit": str(self.amount),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(wait),
        }
        message = "Too many requests. Try again after the seconds in Retry-After."
        return error(429, message, {"retry_after": wait}, headers)


class Guards:
    """ASGI middleware for request ids, the rate limit, security headers, errors and the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.limit = RateLimit(os.environ["RATE_LIMIT_DEFAULT"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        sent = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = sent if REQUEST_ID.fullmatch(sent) else uuid4().hex.encode()
        client = address_of(scope["client"][0])
        about = {"request_id": request_id.decode(), "client": client}
        about |= {"method": scope["method"], "path": scope["path"]}
        status: int | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id),
                    *SECURITY_HEADERS,
                ]
            await send(message)

        try:
            # The rate limit does not count health probes.
            wait = 0 if scope["path"] == "/health" else self.limit.hit(client)
            app = self.limit.refusal(wait) if wait else self.app
            await app(scope, receive, send_with_headers)
        except Exception:
            log("error", "unhandled_error", **about, exception=traceback.format_exc())
            if status is not None:
                raise
            await error(500)(scope, receive, send_with_headers)
        finally:
            log(
                "info",
                "request_completed",
                **about,
                user_id=scope["state"].get("user_id"),
                status_code=status,
                duration_ms=round((time.perf_counter() - started) * 1000, 2),
            )


fair.add_middleware(Guards)


# --- Authentication of `fair` ---

SECRET = os.environ["JWT_SECRET"]
ISSUER, AUDIENCE = os.environ["JWT_ISSUER"], os.environ["JWT_AUDIENCE"]
REQUIRED = ["sub", "iss", "aud", "jti", "iat", "nbf", "exp"]

CLOCK_SKEW = 10
"""Seconds by which the clock of the server that issued a token may be ahead of the local clock."""

POOL_TIMEOUT = 5.0
"""Maximum seconds to wait for a free connection in the pool."""

VISIBLE = {
    "user": "owner_id = $1",
    "admin": "$1::uuid IS NOT NULL",  # True for every row; each query must use $1.
}
"""For each role, the SQL condition that selects the items which a user with this role may see."""


class Caller(NamedTuple):
    """The authenticated user and the database connection of a request."""

    connection: asyncpg.Connection
    id: UUID
    visible: str


class UnauthorizedError(HTTPException):
    def __init__(self) -> None:
        super().__init__(401, "Not authenticated.", {"WWW-Authenticate": "Bearer"})


def read_token(request: Request) -> UUID:
    """Return the user id in the access token. Raise `UnauthorizedError` if the token is invalid."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthorizedError
    try:
        claims = jwt.decode(
            token,
            SECRET,
            algorithms=["HS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=CLOCK_SKEW,
            options={"require": REQUIRED},
        )
        user_id = UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError) as exc:
        raise UnauthorizedError from exc
    # PyJWT also applies the leeway to `exp`, but an expired token must be rejected at once.
    if claims.get("typ") != "access" or claims["exp"] <= time.time():
        raise UnauthorizedError
    return user_id


async def authenticate(
    request: Request, connection: asyncpg.Connection, user_id: UUID, lock: str
) -> Caller:
    query = f"SELECT id, role, is_active FROM users WHERE id = $1 {lock}"
    user = await connection.fetchrow(query, user_id)
    if user is None or not user["is_active"]:
        raise UnauthorizedError
    request.state.user_id = str(user["id"])
    return Caller(connection, user["id"], VISIBLE[user["role"]])


async def get_reader(request: Request) -> AsyncGenerator[Caller]:
    """Yield the user of a read request. The request's statements run without a transaction."""
    user_id = read_token(request)
    async with request.state.pool.acquire(timeout=POOL_TIMEOUT) as connection:
        yield await authenticate(request, connection, user_id, "")


async def get_writer(request: Request) -> AsyncGenerator[Caller]:
    """Yield the user of a write request. The request's transaction locks the user's row."""
    user_id = read_token(request)
    async with (
        request.state.pool.acquire(timeout=POOL_TIMEOUT) as connection,
        connection.transaction(),
    ):
        yield await authenticate(request, connection, user_id, "FOR KEY SHARE")


# A dependency with scope "function" exits, and so commits, before the response is sent.
Reader = Annotated[Caller, Depends(get_reader, scope="function")]
Writer = Annotated[Caller, Depends(get_writer, scope="function")]


# --- Routes of `fair` ---

ORDERS = {
    "created_at": "created_at, id",
    "-created_at": "created_at DESC, id DESC",
    "title": "title, id",
    "-title": "title DESC, id DESC",
}

WITHOUT_NUL = r"^[^\x00]*$"  # PostgreSQL cannot store NUL in text.


class StrictItemCreate(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    title: str = Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)
    description: str | None = Field(None, max_length=2000, pattern=WITHOUT_NUL)


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562). Its leading timestamp makes new ids adjacent in an index."""
    milliseconds = time.time_ns() // 1_000_000
    low = 2 << 62 | secrets.randbits(62)
    return UUID(int=milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | low)


def read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        created_at, _, item_id = base64.urlsafe_b64decode(text).decode().partition("|")
        return datetime.fromisoformat(created_at), UUID(item_id)
    except ValueError as exc:
        place = {"loc": ("query", "cursor"), "type": "value_error"}
        message = "The cursor is invalid. Use `next_cursor` of the previous page."
        raise RequestValidationError([{**place, "msg": message}]) from exc


@fair.get("/health")
async def fair_health() -> Health:
    return Health()


@fair.get("/api/v1/items")
async def fair_list(
    caller: Reader,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    sort: Literal["created_at", "-created_at", "title", "-title"] = "-created_at",
) -> Page:
    rows = await caller.connection.fetch(
        f"SELECT {COLUMNS} FROM items WHERE {caller.visible} "
        f"ORDER BY {ORDERS[sort]} OFFSET $2 LIMIT $3",
        caller.id,
        (page - 1) * page_size,
        page_size,
    )
    total = await caller.connection.fetchval(
        f"SELECT count(*) FROM items WHERE {caller.visible}", caller.id
    )
    return make_page(rows, total, page, page_size)


@fair.get("/api/v1/items/feed")
async def fair_feed(
    caller: Reader,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Feed:
    after = read_cursor(cursor) if cursor else ()
    rows = await caller.connection.fetch(
        f"SELECT {COLUMNS} FROM items WHERE {caller.visible} "
        f"{'AND (created_at, id) < ($3, $4)' if after else ''} "
        "ORDER BY created_at DESC, id DESC LIMIT $2",
        caller.id,
        limit + 1,
        *after,
    )
    return make_feed(rows, limit)


@fair.get("/api/v1/items/{item_id}")
async def fair_get(caller: Reader, item_id: UUID) -> Item:
    row = await caller.connection.fetchrow(
        f"SELECT {COLUMNS} FROM items WHERE {caller.visible} AND id = $2", caller.id, item_id
    )
    if row is None:
        raise HTTPException(404, f"Item not found: {item_id}")
    return Item(**row)


@fair.post("/api/v1/items", status_code=201)
async def fair_create(caller: Writer, response: Response, data: StrictItemCreate) -> Item:
    now = datetime.now(UTC)
    item = Item(
        id=new_id(), owner_id=caller.id, **data.model_dump(), created_at=now, updated_at=now
    )
    await caller.connection.execute(INSERT, *item.model_dump().values())
    response.headers["Location"] = f"/api/v1/items/{item.id}"
    return item
