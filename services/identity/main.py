"""The application of identity."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase

from services.identity.accounts import routes as accounts
from services.identity.accounts import store as account_store
from services.identity.audit import routes as audit
from services.identity.back_office.consumers import take_master_record
from services.identity.clients import operations as client_operations
from services.identity.clients import routes as clients
from services.identity.editions import routes as editions
from services.identity.editions.store import EDITIONS
from services.identity.service import Parts
from services.identity.sessions import known_devices, revocations, throttle
from services.identity.sessions import routes as sessions
from services.identity.sessions import store as session_store
from services.identity.sessions.passwords import Passwords
from services.identity.sessions.revocations import REVOCATIONS
from services.identity.sessions.signing import signer_from
from services.identity.settings import Settings
from services.identity.users import routes as users
from services.identity.users import staff
from services.identity.users import store as user_store
from services.identity.users.consumers import count_administrator, follow_account
from shared.application import create_service_app
from shared.http.client_address import read_key


def create_app(settings: Settings | None = None) -> FastAPI:
    return create_service_app(
        settings or Settings(),
        title="Lockstep identity",
        about="Accounts, users, sign-in and machine clients, and the editions of countries.",
        routers=[
            sessions.router,
            clients.router,
            users.router,
            accounts.router,
            audit.router,
            editions.router,
        ],
        build_parts=lambda _, settings: Parts(
            Passwords(settings.passwords), signer_from(settings), read_key(settings.front_door_key_file)
        ),
        aggregates=[account_store.ACCOUNTS, user_store.USERS, EDITIONS, REVOCATIONS],
        subscriptions=[take_master_record, follow_account, count_administrator],
        prepare=[
            account_store.prepare,
            user_store.prepare,
            staff.prepare,
            session_store.prepare,
            throttle.prepare,
            known_devices.prepare,
            revocations.prepare,
            client_operations.prepare,
        ],
        followed={"users": user_store.USERS.collection, "accounts": account_store.ACCOUNTS.collection},
        load_user=user_store.load_for_access,
        load_grants=_no_grants,
        load_revocation=revocations.load_for_access,
    )


async def _no_grants(db: AsyncDatabase[dict[str, Any]], user_id: str) -> Mapping[str, Any] | None:
    """Nothing in identity depends on who manages which device."""
    return None
