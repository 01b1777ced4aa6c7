from app.core.database import EVERYTHING
from app.core.jobs import JobContext
from app.core.jobs.schedule import scheduled
from app.core.logging import get_logger
from app.features.items.repository import ItemRepository
from app.features.items.schemas import ItemListParams

logger = get_logger(__name__)


@scheduled("0 0 * * *")
async def count_items(context: JobContext) -> None:
    """Log the number of items once a day."""
    async with context.database.reading() as unit:
        page = await ItemRepository(unit, EVERYTHING).search(ItemListParams(page_size=1))
    logger.info("items_counted", total=page.total)
