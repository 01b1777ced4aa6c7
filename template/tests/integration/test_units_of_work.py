"""What follows a commit, and that nothing does without one."""

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
def heard(database: Database) -> list[str]:
    """What a subscriber hears of changes."""
    heard: list[str] = []

    async def hear(changes: Sequence[Change]) -> None:
        heard.extend(f"{it.resource.name} {it.kind}: {it.row.title}" for it in changes)

    database.subscribers = [hear]
    return heard


def items_of(unit_of_work: UnitOfWork) -> ItemRepository:
    return ItemRepository(unit_of_work, EVERYTHING)


async def test_subscribers_are_told_of_all_changes_in_their_order(
    database: Database, heard: list[str]
) -> None:
    async with database.transaction() as work:
        item = await items_of(work).create({"title": "One"})
        await items_of(work).update(item.id, {"title": "Two"})
        await items_of(work).delete(item.id)
        assert heard == []

    assert heard == ["items created: One", "items updated: Two", "items deleted: Two"]


async def test_an_update_without_values_is_no_change(database: Database, heard: list[str]) -> None:
    async with database.transaction() as work:
        item = await items_of(work).create({"title": "One"})
    heard.clear()

    async with database.transaction() as work:
        await items_of(work).update(item.id, {})

    assert heard == []


async def test_an_action_runs_after_the_commit(database: Database) -> None:
    action = AsyncMock()

    async with database.transaction() as work:
        work.after_commit(action, 1, key="value")
        action.assert_not_awaited()

    action.assert_awaited_once_with(1, key="value")


@pytest.mark.error_path
async def test_nothing_follows_a_rollback(database: Database, heard: list[str]) -> None:
    action = AsyncMock()

    with pytest.raises(RuntimeError, match="halfway"):
        async with database.transaction() as work:
            await items_of(work).create({"title": "Lost"})
            work.after_commit(action)
            raise RuntimeError("halfway")

    assert heard == []
    action.assert_not_awaited()


@pytest.mark.error_path
async def test_nothing_follows_a_commit_that_fails(database: Database, heard: list[str]) -> None:
    action = AsyncMock()
    failing = FailingCommit(database)
    failing.subscribers = database.subscribers

    with pytest.raises(ConnectionResetError):
        async with failing.transaction() as work:
            await items_of(work).create({"title": "Lost"})
            work.after_commit(action)

    assert heard == []
    action.assert_not_awaited()


@pytest.mark.error_path
async def test_a_subscriber_that_fails_stops_neither_the_commit_nor_the_others(
    database: Database, heard: list[str], log: Mock
) -> None:
    action = AsyncMock()
    database.subscribers.insert(0, AsyncMock(side_effect=RuntimeError("out of paper")))

    async with database.transaction() as work:
        item = await items_of(work).create({"title": "Kept"})
        work.after_commit(AsyncMock(side_effect=RuntimeError("out of ink")))
        work.after_commit(action)

    assert heard == ["items created: Kept"]
    action.assert_awaited_once_with()
    assert [call.args for call in log.exception.call_args_list] == [("after_commit_failed",)] * 2
    async with database.reading() as work:
        assert (await items_of(work).get_or_raise(item.id)).title == "Kept"
