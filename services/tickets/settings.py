"""Settings of tickets: how long silence lasts, and whose receipts count."""

from typing import Self

from pydantic import BaseModel, Field, model_validator

from shared.settings import ServiceSettings


class SilenceSettings(BaseModel):
    """After how many days without an answer a resolved ticket is warned about, and closed."""

    warn_days: int = Field(default=5, ge=1)
    close_days: int = Field(default=7, ge=2)

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        if self.warn_days >= self.close_days:
            raise ValueError("silence: warn_days must be less than close_days")
        return self


class ReceiptSettings(BaseModel):
    """Whose committed offsets count as having taken notice. A party that reads without a group leaves no receipt."""

    groups: dict[str, str] = Field(
        default={
            "dispatch": "dispatch.planner",
            "engineer": "engineer.devices",
            "contact-centre": "contact-centre.crm",
        },
        description="consumer group by party; the party reads outbound.<party>",
    )
    period_seconds: float = Field(default=0.5, gt=0, description="how often the offsets are compared, real time")


class AnswerSettings(BaseModel):
    """How long an agent may take back what he has written, product time."""

    held_seconds: float = Field(default=10.0, ge=0, le=300)


class Settings(ServiceSettings):
    service: str = "tickets"
    silence: SilenceSettings = SilenceSettings()
    answers: AnswerSettings = AnswerSettings()
    receipts: ReceiptSettings = ReceiptSettings()
    contact_channel: str = Field(
        default="contact_centre", description="where a customer without a valid contract line is sent to"
    )
