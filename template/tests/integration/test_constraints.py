"""Which violated constraint is a conflict, and rows that are found by what they lack."""

from collections.abc import AsyncGenerator
from typing import ClassVar

import pytest

from app.config import Settings
from app.core.database import Database
from app.core.errors import ConflictError, NotFoundError
from app.core.database.repository import Conflicts
from app.features.items.repository import ItemRepository
from app.shared.filters import Sort
from app.shared.pagination import FeedParams, PageParams
from tests.support.database import execute

TABLE = """
    CREATE TABLE rooms (
        number INTEGER NOT NULL,
        beds INTEGER,
        hotel INTEGER NOT NULL,
        CONSTRAINT pk_rooms PRIMARY KEY (number),
        CONSTRAINT ck_rooms_beds CHECK (beds > 0),
        CONSTRAINT uq_rooms_hotel UNIQUE (hotel)
    )
"""


class BedsError(ConflictError):
    """What a feature says of a constraint of its own."""


class Rooms(ItemRepository):
    conflicts: ClassVar[Conflicts] = {"ck_rooms_beds": BedsError, "ix_rooms_beds": BedsError}


@pytest.fixture
async def database(committing_settings: Settings) -> AsyncGenerator[Database]:
    async with Database.connect(committing_settings) as database:
        async with database.transaction() as session:
            await execute(session, TABLE)
        yield database
        async with database.transaction() as session:
            await execute(session, "DROP TABLE rooms")


async def insert(
    database: Database, repository: type[ItemRepository], *rooms: str, first: str = ""
) -> None:
    async with database.transaction() as session:
        if first:
            await execute(session, first)
        with repository(session)._conflicts():
            for room in rooms:
                await execute(session, f"INSERT INTO rooms VALUES ({room})")


@pytest.mark.sad
async def test_a_check_that_is_listed_is_its_own_error(database: Database) -> None:
    with pytest.raises(BedsError):
        await insert(database, Rooms, "1, 0, 1")


@pytest.mark.sad
async def test_a_check_that_is_not_listed_is_a_fault_of_validation(database: Database) -> None:
    with pytest.raises(Exception, match="ck_rooms_beds"):
        await insert(database, ItemRepository, "1, 0, 1")


@pytest.mark.sad
async def test_a_missing_value_is_a_fault_of_validation(database: Database) -> None:
    with pytest.raises(Exception, match="hotel"):
        await insert(database, Rooms, "1, 1, NULL")


@pytest.mark.sad
@pytest.mark.parametrize("room", ["1, 2, 2", "2, 2, 1"])
async def test_a_key_that_is_taken_is_a_conflict(room: str, database: Database) -> None:
    with pytest.raises(ConflictError):
        await insert(database, ItemRepository, "1, 1, 1", room)


@pytest.mark.sad
async def test_a_unique_index_is_known_by_its_name(database: Database) -> None:
    index = "CREATE UNIQUE INDEX ix_rooms_beds ON rooms (beds)"

    with pytest.raises(BedsError):
        await insert(database, Rooms, "1, 1, 1", "2, 1, 2", first=index)


@pytest.mark.sad
async def test_a_unique_index_on_an_expression_is_known_by_its_name(database: Database) -> None:
    index = "CREATE UNIQUE INDEX ix_rooms_beds ON rooms (abs(beds))"

    with pytest.raises(BedsError):
        await insert(database, Rooms, "1, 1, 1", "2, 1, 2", first=index)


async def test_a_row_is_found_by_what_it_lacks(database: Database) -> None:
    async with database.transaction() as session:
        items = ItemRepository(session)
        bare = await items.create({"title": "without"})
        described = await items.create({"title": "with", "description": "some"})

        found = await items.get_or_raise(bare.id, description=None)
        assert found.id == bare.id
        assert await items.get(described.id, description=None) is None
        page = await items.page(PageParams(), Sort.parse("title"), description=None)
        assert ([item.id for item in page.items], page.total) == ([bare.id], 1)
        feed = await items.feed(FeedParams(), description=None)
        assert [item.id for item in feed.items] == [bare.id]
        await items.update(bare.id, {"title": "still without"}, description=None)
        with pytest.raises(NotFoundError):
            await items.update(described.id, {"title": "refused"}, description=None)
        with pytest.raises(NotFoundError):
            await items.delete(described.id, description=None)
        await items.delete(bare.id, description=None)
        await items.delete(described.id)
