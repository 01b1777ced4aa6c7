"""Probes: `/health` says that the process lives, `/ready` that it can serve."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from fastapi import APIRouter, Response, status
from pydantic import BaseModel

from app.core.logging import get_logger
from app.dependencies import DatabaseDep

logger = get_logger(__name__)
router = APIRouter(tags=["health"])

CHECK_TIMEOUT = 2.0
"""Seconds a check may take, so that a hanging server cannot hang the probe."""

type CheckResult = Literal["ok", "error"]


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    status: Literal["ok", "degraded"]
    checks: dict[str, CheckResult]


@router.get("/health")
async def health() -> Health:
    """Answers as long as the process does, and touches nothing else."""
    return Health()


@router.get("/ready", responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Readiness}})
async def ready(database: DatabaseDep, response: Response) -> Readiness:
    """Answers 503 while a server that this one depends on is away, and recovers by itself."""
    checks = {"database": await _check("database", database.ping)}
    if "error" in checks.values():
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return Readiness(status="degraded", checks=checks)
    return Readiness(status="ok", checks=checks)


async def _check(name: str, ping: Callable[[], Coroutine[Any, Any, None]]) -> CheckResult:
    # Not `asyncio.timeout`: it would wait for the clean-up, which hangs as long as the server does.
    task = asyncio.create_task(ping())
    done, _ = await asyncio.wait({task}, timeout=CHECK_TIMEOUT)
    error = task.exception() if done else TimeoutError()
    if error is None:
        return "ok"
    task.cancel()
    logger.warning("readiness_check_failed", check=name, error=type(error).__name__)
    return "error"
