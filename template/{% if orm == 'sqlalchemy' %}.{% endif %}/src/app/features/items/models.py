from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models import Entity


class Item(Entity):
    __tablename__ = "items"
    __table_args__ = (Index(None, "created_at", "id"),)

    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(String(2000))
