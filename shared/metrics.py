"""What the dashboards read. One registry a process, served at /metrics."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Histogram("lockstep_http_seconds", "Duration of requests.", ["method", "route", "status"])
COMMITTED = Counter("lockstep_outbox_committed_total", "Events written into documents.", ["topic"])
PUBLISHED = Counter("lockstep_outbox_published_total", "Events acknowledged by the broker.", ["topic"])
DRAIN_FAILURES = Counter("lockstep_outbox_drain_failures_total", "Attempts that failed and left entries waiting.")
OUTBOX_RESTING = Gauge("lockstep_outbox_resting", "Documents that could not be published and come again.")
SWEPT = Counter("lockstep_outbox_swept_total", "Documents that the sweeper has found.")
OUTBOX_OLDEST = Gauge("lockstep_outbox_oldest_seconds", "Age of the oldest event that waits for the broker.")
CONSUMED = Counter("lockstep_consumed_total", "Records handled.", ["group"])
SKIPPED = Counter("lockstep_skipped_total", "Records passed over.", ["group", "reason"])
RETRIED = Counter("lockstep_retried_total", "Retries in place.", ["group"])
PARKED = Counter("lockstep_parked_total", "Records parked.", ["group"])
STOPPED = Gauge("lockstep_consumer_stopped", "1 where the burial limit stopped a consumer.", ["group"])
LAG = Gauge("lockstep_consumer_lag", "Records between a group and the end of its topic.", ["group", "topic"])
WAITING = Gauge(
    "lockstep_waiting",
    "What waits in the service's store, the same in each of its replicas: documents with events, timers that are due, "
    "keys with parked records, mails, changes that a party has not seen.",
    ["what", "of"],
)
WAITING_OLDEST = Gauge("lockstep_waiting_oldest_seconds", "For how long the oldest of it has waited.", ["what", "of"])
HOPS = Histogram(
    "lockstep_hop_seconds",
    "From the write to the broker (published), from there to the end of handling (consumed), from the queueing of a "
    "mail to the mail server (mailed).",
    ["hop"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
TIMERS_FIRED = Counter("lockstep_timers_fired_total", "Timers fired.", ["aggregate"])
JOBS_RUNNING = Gauge("lockstep_jobs_running", "Jobs in hand in this process.", ["kind"])
JOB_SLICES = Counter("lockstep_job_slices_total", "Slices carried out.", ["kind"])
JOB_ITEMS = Counter("lockstep_job_items_total", "Items of jobs by what became of them.", ["kind", "outcome"])
JOB_FAILURES = Counter("lockstep_job_slice_failures_total", "Slices that failed as a whole and come again.", ["kind"])
JOBS_ENDED = Counter("lockstep_jobs_ended_total", "Jobs by how they ended.", ["kind", "state"])
