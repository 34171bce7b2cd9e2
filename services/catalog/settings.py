"""Settings of the catalog."""

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    service: str = "catalog"
    contract_ending_days: int = Field(default=60, gt=0, description="from when on a contract counts as ending")
