"""What a service says of its own running, to operators and dashboards: `GET /v1/operations` and the gauges beside it.

`models.py` is the form, `figures.py` reads it from store, consumers and process, `parked.py` are the parked keys and
handling them again, `redaction.py` keeps personal values out of both. A service adds what waits in its own documents
by the hook `backlogs` of `create_service_app`.
"""
