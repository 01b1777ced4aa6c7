"""Tests of subscribers to row changes and of after-commit actions. Both run after a commit."""

from collections.abc import Sequence
from unittest.mock import AsyncMock, Mock

import pytest

from app.core.database import EVERYTHING, Database, UnitOfWork, unit
from app.core.database.changes import Change
from app.features.items.repository import ItemRepository
from tests.support.failures import FailingCommit


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Mock:
    log = Mock()
    monkeypatch.setattr(unit, "logger", log)
    return log


@pytest.fixture
def received(database: Database) -> list[str]:
    """Subscribe to row changes. Return a list of entries such as `items created: <title>`."""
    received: list[str] = []

    async def receive(changes: Sequence[Change]) -> None:
        received.extend(f"{it.resource.name} {it.kind}: {it.row.title}" for it in changes)

    database.subscribers = [receive]
    return received


def items_of(unit_of_work: UnitOfWork) -> ItemRepository:
    return ItemRepository(unit_of_work, EVERYTHING)


async def test_subscribers_receive_all_changes_in_order_after_the_commit(
    database: Database, received: list[str]
) -> None:
    async with database.transaction() as work:
        item = await items_of(work).create({"title": "One"})
        await items_of(work).update(item.id, {"title": "Two"})
        await items_of(work).delete(item.id)
        assert received == []

    assert received == ["items created: One", "items updated: Two", "items deleted: Two"]


async def test_an_update_without_values_is_not_recorded_as_a_change(
    database: Database, received: list[str]
) -> None:
    async with database.transaction() as work:
        item = await items_of(work).create({"title": "One"})
    received.clear()

    async with database.transaction() as work:
        await items_of(work).update(item.id, {})

    assert received == []


async def test_an_action_runs_after_the_commit(database: Database) -> None:
    action = AsyncMock()

    async with database.transaction() as work:
        work.after_commit(action, 1, key="value")
        action.assert_not_awaited()

    action.assert_awaited_once_with(1, key="value")


@pytest.mark.error_path
async def test_subscribers_and_actions_do_not_run_after_a_rollback(
    database: Database, received: list[str]
) -> None:
    action = AsyncMock()

    with pytest.raises(RuntimeError, match="test error"):
        async with database.transaction() as work:
            await items_of(work).create({"title": "Lost"})
            work.after_commit(action)
            raise RuntimeError("test error")

    assert received == []
    action.assert_not_awaited()


@pytest.mark.error_path
async def test_subscribers_and_actions_do_not_run_after_a_failed_commit(
    database: Database, received: list[str]
) -> None:
    action = AsyncMock()
    failing = FailingCommit(database)
    failing.subscribers = database.subscribers

    with pytest.raises(ConnectionResetError):
        async with failing.transaction() as work:
            await items_of(work).create({"title": "Lost"})
            work.after_commit(action)

    assert received == []
    action.assert_not_awaited()


@pytest.mark.error_path
async def test_a_failing_subscriber_or_action_is_logged_and_does_not_stop_the_others(
    database: Database, received: list[str], log: Mock
) -> None:
    action = AsyncMock()
    database.subscribers.insert(0, AsyncMock(side_effect=RuntimeError("subscriber failed")))

    async with database.transaction() as work:
        item = await items_of(work).create({"title": "Kept"})
        work.after_commit(AsyncMock(side_effect=RuntimeError("action failed")))
        work.after_commit(action)

    assert received == ["items created: Kept"]
    action.assert_awaited_once_with()
    assert [call.args for call in log.exception.call_args_list] == [("after_commit_failed",)] * 2
    async with database.reading() as work:
        assert (await items_of(work).get_or_raise(item.id)).title == "Kept"
