"""What the portal answers by itself where data is wanted."""

import httpx
import pytest
from fastapi import FastAPI

from services.portal.pages.errors.handlers import add_error_pages
from shared.problems import NotFound


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    add_error_pages(app)

    @app.get("/api/broken")
    async def broken() -> None:
        raise KeyError("ours")

    @app.get("/api/missing")
    async def missing() -> None:
        raise NotFound()

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://portal.test")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/broken", 500, "unexpected"),
        ("POST", "/api/broken", 405, "method_not_allowed"),
        ("GET", "/api/nowhere", 404, "not_found"),
        ("GET", "/api/missing", 404, "not_found"),
    ],
)
async def test_the_status_told_is_the_one_that_is_meant(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ours" not in answer.text


async def test_a_method_that_is_not_there_names_those_that_are(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/api/broken")).headers["allow"] == "GET, HEAD"
