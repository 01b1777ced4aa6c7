from app.core.database import Database
from app.core.database.query_log import query_log
from app.features.items.models import Item


async def test_a_statement_that_is_executed_for_several_rows_is_counted_once(
    database: Database,
) -> None:
    async with database.writing_session() as session:
        with query_log() as log:
            items = [Item(title="One"), Item(title="Two")]
            await Item.bulk_create(items, using_db=session.client)
        count = await Item.all().using_db(session.client).count()

    assert count == 2
    assert log.queries == 1
