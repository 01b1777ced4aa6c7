from uuid import UUID

from app.core.database import EVERYTHING
from app.core.jobs import JobContext, job
from app.core.mail import send_mail
from app.features.users.repository import UserRepository


@job
async def send_welcome_email(context: JobContext, *, user_id: UUID) -> None:
    """Send a welcome e-mail to a new user.

    The e-mail contains no text supplied by the user, so registration cannot be abused to send spam.
    """
    async with context.database.reading() as unit:
        user = await UserRepository(unit, EVERYTHING).get(user_id)
    if user is None:
        return
    name = context.settings.app_name
    await send_mail(
        context.settings,
        to=user.email,
        subject=f"Welcome to {name}",
        text=f"Your account at {name} is ready. Log in with your e-mail address and password.\n",
    )
