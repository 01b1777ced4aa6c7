"""Tests of `MovingWindow`, and of the problem in the `limits` library that the class avoids."""

import asyncio
import time

import pytest
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage

from app.core.rate_limit import MovingWindow

A, B = ("request", "192.0.2.1"), ("request", "192.0.2.2")


class Clock:
    """Replaces `time.monotonic`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def limit() -> RateLimitItem:
    return parse("2/minute")


@pytest.mark.error_path
def test_refuses_a_third_request_until_the_first_is_a_minute_old(
    clock: Clock, limit: RateLimitItem
) -> None:
    window = MovingWindow(limit)
    waits = []

    for clock.now in (0, 50, 59, 59.5, 60, 61, 110):
        waits.append(window.hit(A))

    assert waits == [0, 0, 1, 1, 0, 49, 0]


def test_counts_each_client_apart(clock: Clock, limit: RateLimitItem) -> None:
    window = MovingWindow(limit)

    assert [window.hit(A), window.hit(A), window.hit(B)] == [0, 0, 0]
    clock.now += 15
    assert [window.hit(A), window.hit(B), window.hit(B)] == [45, 0, 45]


def test_forgets_clients_that_have_been_idle_for_a_minute(
    clock: Clock, limit: RateLimitItem
) -> None:
    window = MovingWindow(limit)
    for number in range(100):
        window.hit(("request", str(number)))

    clock.now += 60
    for _ in range(50):
        window.hit(A)

    assert list(window._clients) == [A]


@pytest.mark.error_path
async def test_limits_still_switches_to_a_thread_for_each_client(
    monkeypatch: pytest.MonkeyPatch, limit: RateLimitItem
) -> None:
    """If this test fails, check whether the new version of `limits` can replace `MovingWindow`."""
    switches = 0
    switch = asyncio.to_thread

    async def count_switch(*args: object) -> object:
        nonlocal switches
        switches += 1
        return await switch(*args)  # type: ignore[arg-type]

    storage = MemoryStorage()
    for number in range(10):
        await storage.acquire_entry(str(number), limit.amount, limit.get_expiry())
    monkeypatch.setattr(asyncio, "to_thread", count_switch)
    await storage.acquire_entry("another client", limit.amount, limit.get_expiry())
    assert storage.timer
    await storage.timer

    assert switches >= 10
