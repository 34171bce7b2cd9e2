"""The body of a request."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """What a client asks for. A field that is not known is refused: a misspelt one must not count as left out."""

    model_config = ConfigDict(extra="forbid")
