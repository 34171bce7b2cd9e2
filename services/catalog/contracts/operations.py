"""Contract lines come from the back office."""

from services.catalog.contracts import domain, store
from services.catalog.contracts.domain import DeviceLine
from services.catalog.service import Service
from shared.access.scope import EVERYTHING
from shared.contracts.catalog import ContractLineState
from shared.contracts.inbound import BackOfficeContractUpdated
from shared.ids import derived_id
from shared.outbox import Cause, Change


async def take_master(
    deps: Service, *, record: BackOfficeContractUpdated, cause: Cause
) -> dict[str, dict[str, DeviceLine]]:
    """Apply a master record and return what each device concerned has to know of the line.

    A repeated or older record changes nothing; the devices are named all the same, since an earlier attempt may have
    stopped before it reached them.
    """
    state = ContractLineState(
        contract_line_id=derived_id("contract-line", record.ref),
        number=record.number,
        account_id=derived_id("account", record.account_ref),
        device_id=derived_id("device", record.device_ref),
        valid_from=record.valid_from,
        valid_until=record.valid_until,
        entitlement=record.entitlement,
    )

    def decided(document: store.Document | None) -> Change | None:
        line = None if document is None else store.line_of(document)
        decision = domain.apply_master(
            line, state=state, ref=record.ref, revision=record.revision, occurred_at=record.occurred_at
        )
        return None if decision is None else Change(set=store.fields(decision[0]), events=decision[1])

    def create() -> Change:
        first = decided(None)
        assert first is not None
        return first

    document = await deps.outbox.create_or_change(
        store.CONTRACTS, state.contract_line_id, create=create, decide=decided, scope=EVERYTHING, cause=cause
    )
    line_id, version = document["_id"], document["version"]
    here = domain.device_contract(store.line_of(document).state)
    return {
        **{device_id: {line_id: DeviceLine(version=version)} for device_id in document["former_device_ids"]},
        document["device_id"]: {line_id: DeviceLine(version=version, contract=here)},
    }
