from uuid import UUID

from app.core.database import EVERYTHING
from app.core.jobs import JobContext, job
from app.core.mail import send_mail
from app.features.users.repository import UserRepository


@job
async def send_welcome_email(context: JobContext, *, user_id: UUID) -> None:
    """Says nothing that the user has chosen: else it would be a way to mail one's text to anyone."""
    async with context.database.reading() as unit:
        user = await UserRepository(unit, EVERYTHING).get(user_id)
    if user is None:
        return
    name = context.settings.app_name
    await send_mail(
        context.settings,
        to=user.email,
        subject=f"Welcome to {name}",
        text=f"Your account at {name} is open. You log in with this address, and your password.\n",
    )
