"""Tests of the errors that repositories raise when a database constraint is violated."""

from collections.abc import AsyncGenerator
from typing import ClassVar

import pytest

from app.config import Settings
from app.core.database import EVERYTHING, Database
from app.core.database.repository import Conflicts
from app.core.errors import ConflictError
from app.features.items.repository import ItemRepository
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
    """The error that `Rooms` raises if the value of `beds` violates a constraint."""


class Rooms(ItemRepository):
    conflicts: ClassVar[Conflicts] = {"ck_rooms_beds": BedsError, "ix_rooms_beds": BedsError}


@pytest.fixture
async def database(committing_settings: Settings) -> AsyncGenerator[Database]:
    async with Database.connect(committing_settings) as database:
        async with database.transaction() as unit:
            await execute(unit.session, TABLE)
        yield database
        async with database.transaction() as unit:
            await execute(unit.session, "DROP TABLE rooms")


async def insert(
    database: Database, repository: type[ItemRepository], *rooms: str, first: str = ""
) -> None:
    async with database.transaction() as unit:
        if first:
            await execute(unit.session, first)
        with repository(unit, EVERYTHING)._conflicts():
            for room in rooms:
                await execute(unit.session, f"INSERT INTO rooms VALUES ({room})")


@pytest.mark.error_path
async def test_raises_the_listed_error_for_a_violated_check(database: Database) -> None:
    with pytest.raises(BedsError):
        await insert(database, Rooms, "1, 0, 1")


@pytest.mark.error_path
async def test_raises_the_database_error_for_a_check_that_is_not_listed(database: Database) -> None:
    with pytest.raises(Exception, match="ck_rooms_beds"):
        await insert(database, ItemRepository, "1, 0, 1")


@pytest.mark.error_path
async def test_raises_the_database_error_for_a_missing_value(database: Database) -> None:
    with pytest.raises(Exception, match="hotel"):
        await insert(database, Rooms, "1, 1, NULL")


@pytest.mark.error_path
@pytest.mark.parametrize("room", ["1, 2, 2", "2, 2, 1"])
async def test_raises_a_conflict_for_a_duplicate_key(room: str, database: Database) -> None:
    with pytest.raises(ConflictError):
        await insert(database, ItemRepository, "1, 1, 1", room)


@pytest.mark.error_path
async def test_raises_the_listed_error_for_a_unique_index(database: Database) -> None:
    index = "CREATE UNIQUE INDEX ix_rooms_beds ON rooms (beds)"

    with pytest.raises(BedsError):
        await insert(database, Rooms, "1, 1, 1", "2, 1, 2", first=index)


@pytest.mark.error_path
async def test_raises_the_listed_error_for_a_unique_index_on_an_expression(
    database: Database,
) -> None:
    index = "CREATE UNIQUE INDEX ix_rooms_beds ON rooms (abs(beds))"

    with pytest.raises(BedsError):
        await insert(database, Rooms, "1, 1, 1", "2, 1, 2", first=index)
