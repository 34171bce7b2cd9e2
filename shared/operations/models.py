"""The form of a service's figures. Ages are in seconds, so that no reader needs the service's clock."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field


class Consumer(BaseModel):
    """One group of the service, as all its replicas together are. `lag` is None while the broker is not seen."""

    group: str
    topic: str
    lag: int | None = Field(description="records between what the group has acknowledged and the topic's end")
    stopped: bool = Field(description="this process takes nothing any more: too many records in a row were refused")


class Outbox(BaseModel):
    """Documents whose events the broker does not have yet."""

    waiting: int = Field(description="documents with events in them; those that are just being published, too")
    resting: int = Field(description="of this process: what could not be published and comes again")
    oldest_seconds: float | None


class Backlog(BaseModel):
    """Something that waits in documents: `what` it is, and of which kind or for whom where that tells it apart."""

    what: str
    of: str = ""
    number: int
    is_more: bool = Field(default=False, description="there are more than were counted")
    oldest_seconds: float | None = None


class ParkedKey(BaseModel):
    """Records of one key that a handler refused, or that came behind one. The first of them says why."""

    id: str = Field(description="of the first record; handling again asks for it")
    group: str
    topic: str
    key: str = Field(description="as it is where it is an id, else a fingerprint: it may be personal")
    type: str | None = Field(description="of the first record, where it is one that we know")
    records: int
    attempts: int
    reason: str = Field(description="without values of the record")
    since: AwareDatetime


class Parked(BaseModel):
    keys: int
    records: int
    is_more: bool = Field(description="more are parked than were counted")
    items: list[ParkedKey] = Field(description="those that have been parked for longest")


class Minute(BaseModel):
    at: AwareDatetime
    counts: dict[int, int] = Field(description="how many took so long; durations by steps of 15 % from 1 ms on")


class HopFigures(BaseModel):
    """How long one hop took in this process, in the last hour or since its start."""

    hop: str
    count: int
    p50_seconds: float | None
    p99_seconds: float | None
    minutes: list[Minute]


class Figures(BaseModel):
    service: str
    instance: str
    started_at: AwareDatetime = Field(description="of the process that answers")
    at: AwareDatetime = Field(description="real time of this answer")
    status: Literal["ready", "degraded", "not ready"]
    missing: list[str]
    degraded: list[str] = Field(description="what is, by the names of /health/ready")
    consumers: list[Consumer]
    outbox: Outbox
    backlogs: list[Backlog]
    parked: Parked
    hops: list[HopFigures]


class Requeued(BaseModel):
    """What came of handling a parked key again."""

    group: str
    key: str
    done: int = Field(description="records that were carried out")
    left: int = Field(description="records that stay parked")
    reason: str | None = Field(description="why the first of them failed again; None where nothing failed")
