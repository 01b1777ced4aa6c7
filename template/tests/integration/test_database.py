"""Tests of the transactions and sessions of `Database`. The tests commit to a real database."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.config import Settings
from app.core.database import EVERYTHING, Database
from app.core.errors import ServiceUnavailableError
from app.features.items.models import Item
from app.features.items.repository import ItemRepository
from app.shared.pagination import FeedParams


@pytest.fixture
async def database(committing_settings: Settings) -> AsyncGenerator[Database]:
    async with Database.connect(committing_settings) as database:
        yield database
        async with database.transaction() as unit:
            items = ItemRepository(unit, EVERYTHING)
            for item in (await items.feed(FeedParams())).items:
                await items.delete(item.id)


async def create(database: Database, title: str) -> Item:
    async with database.transaction() as unit:
        return await ItemRepository(unit, EVERYTHING).create({"title": title})


async def count(database: Database) -> int:
    async with database.reading() as unit:
        return len((await ItemRepository(unit, EVERYTHING).feed(FeedParams())).items)


async def test_commits_at_the_end_of_the_transaction(database: Database) -> None:
    await create(database, "kept")

    assert await count(database) == 1


async def test_a_row_is_invisible_to_other_sessions_before_the_commit(database: Database) -> None:
    async with database.transaction() as unit:
        await ItemRepository(unit, EVERYTHING).create({"title": "not yet"})
        assert await count(database) == 0


async def test_reads_a_row_with_the_id_and_time_of_its_creation(database: Database) -> None:
    created = await create(database, "title")

    async with database.reading() as unit:
        found = await ItemRepository(unit, EVERYTHING).get_or_raise(created.id)

    assert (found.id, found.created_at) == (created.id, created.created_at)
    assert found.created_at.tzinfo is not None


async def test_concurrent_transactions_all_commit(database: Database) -> None:
    await asyncio.gather(*(create(database, f"item {number}") for number in range(15)))

    assert await count(database) == 15


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.usefixtures("database")
async def test_logs_statements_only_with_debug_and_never_logs_values(
    committing_settings: Settings, caplog: pytest.LogCaptureFixture, *, debug: bool
) -> None:
    caplog.set_level("DEBUG")
    settings = committing_settings.model_copy(update={"debug": debug})
    async with Database.connect(settings) as verbose_database:
        await create(verbose_database, "confidential text")
    async with Database.connect(committing_settings):
        pass  # Connecting without `debug` disables the logging of SQL statements.

    assert any("INSERT" in message for message in caplog.messages) is debug
    assert "confidential text" not in caplog.text


@pytest.mark.error_path
async def test_rolls_back_after_an_error(database: Database) -> None:
    with pytest.raises(RuntimeError, match="halfway"):
        async with database.transaction() as unit:
            await ItemRepository(unit, EVERYTHING).create({"title": "lost"})
            raise RuntimeError("halfway")

    assert await count(database) == 0


@pytest.mark.error_path
async def test_rolls_back_when_the_request_is_cancelled(database: Database) -> None:
    written = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as unit:
            await ItemRepository(unit, EVERYTHING).create({"title": "lost"})
            written.set()
            await asyncio.sleep(10)

    request = asyncio.create_task(write())
    await written.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request

    assert await count(database) == 0


@pytest.mark.error_path
async def test_refuses_to_create_a_row_in_a_reading_session(database: Database) -> None:
    with pytest.raises(RuntimeError, match="read-only"):
        async with database.reading() as unit:
            await ItemRepository(unit, EVERYTHING).create({"title": "refused"})

    assert await count(database) == 0


@pytest.mark.error_path
async def test_refuses_to_delete_a_row_in_a_reading_session(database: Database) -> None:
    item = await create(database, "kept")

    with pytest.raises(RuntimeError, match="read-only"):
        async with database.reading() as unit:
            await ItemRepository(unit, EVERYTHING).delete(item.id)

    assert await count(database) == 1


@pytest.mark.error_path
async def test_raises_service_unavailable_when_no_connection_is_free(
    committing_settings: Settings,
) -> None:
    small = committing_settings.model_copy(
        update={"db_pool_size": 1, "db_max_overflow": 0, "db_pool_timeout": 0.1}
    )
    async with Database.connect(small) as database, database.transaction() as unit:
        await ItemRepository(unit, EVERYTHING).create({"title": "lost"})
        with pytest.raises(ServiceUnavailableError):
            await database.ping()


async def test_tasks_get_a_connection_in_the_order_in_which_they_asked(
    committing_settings: Settings,
) -> None:
    small = committing_settings.model_copy(update={"db_pool_size": 1, "db_max_overflow": 0})
    order: list[str] = []

    async with Database.connect(small) as database:

        async def read(name: str) -> None:
            async with database.reading():
                order.append(name)

        async with database.reading():
            waiting = [asyncio.create_task(read(name)) for name in ("first", "second")]
            await asyncio.sleep(0.05)
        await read("late")
        await asyncio.gather(*waiting)

    assert order == ["first", "second", "late"]
