from sqlalchemy import func, insert, select

from app.core.database import Database
from app.core.database.query_log import query_log
from app.features.items.models import Item


async def test_a_statement_that_is_executed_for_several_rows_is_counted_once(
    database: Database,
) -> None:
    async with database.writing_session() as session:
        with query_log() as log:
            rows = [{"title": "One"}, {"title": "Two"}]
            await session.connection.execute(insert(Item), rows)
        count = await session.execute(select(func.count()).select_from(Item))

    assert count.scalar_one() == 2
    assert log.queries == 1
