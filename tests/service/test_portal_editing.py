"""A device's name, number and place are changed on its page: by who may, of the version that was seen."""

import re

import httpx

from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.world import World


def _version(page: httpx.Response) -> str:
    return str(re.findall(r'name="version" value="(\d+)"', page.text)[-1])


async def test_a_manager_renames_and_moves_his_device(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    device, other = await world.device(account), await world.device(account)
    person = await world.manager(account, whole=True)
    stranger = await world.manager(await world.account("DE"), whole=True)
    path = f"/devices/{device.device_id}"
    async with portal(settings(stack)) as app, browser(app) as own, browser(app) as foreign:
        await sign_in(own, person)
        await sign_in(foreign, stranger)
        assert f'href="{path}/edit"' in (await own.get(path)).text
        page = await own.get(f"{path}/edit")
        seen = {"csrf": csrf_of(page), "version": _version(page)}

        long = await own.post(f"{path}/names", data={**seen, "own_name": "x" * 101, "own_number": "7"})
        assert long.status_code == 422 and f'value="{"x" * 101}"' in long.text and 'id="own_name-error"' in long.text
        named = await own.post(f"{path}/names", data={**seen, "own_name": "Meisterbüro <b>", "own_number": "A-7"})
        assert named.headers["location"] == f"{path}?saved=1"
        shown = (await own.get(named.headers["location"])).text
        assert "Meisterbüro &lt;b&gt;" in shown and "A-7" in shown

        old = await own.post(f"{path}/names", data={**seen, "own_name": "Flur"})
        assert old.status_code == 409 and 'value="Flur"' in old.text
        assert "Meisterbüro &lt;b&gt;" in old.text, "what holds now stands beside"
        again = {**seen, "version": _version(old)}
        assert (await own.post(f"{path}/names", data={**again, "own_name": "Flur"})).status_code == 303

        page = await own.get(f"{path}/edit")
        seen["version"] = _version(page)
        [site] = set(re.findall(rf'value="(site-{other.ref})"', page.text))
        moved = await own.post(f"{path}/place", data={**seen, "site_id": site, "floor": "3. OG", "note": "klopfen"})
        assert moved.status_code == 303
        shown = (await own.get(path)).text
        assert f"Site {other.ref}" in shown and "3. OG" in shown and "klopfen" in shown

        seen["version"] = _version(await own.get(f"{path}/edit"))
        half = await own.post(f"{path}/place", data={**seen, "site_id": "elsewhere", "street": "Neue Straße 1"})
        assert half.status_code == 422 and 'id="city-error"' in half.text and "Neue Straße 1" in half.text
        address = {"name": "Werk 2", "street": "Neue Straße 1", "postcode": "10115", "city": "Berlin"}
        new = await own.post(f"{path}/place", data={**seen, "site_id": "elsewhere", **address})
        assert new.status_code == 303 and "Werk 2" in (await own.get(path)).text
        unknown = {**seen, "version": _version(await own.get(f"{path}/edit")), "site_id": "nowhere"}
        assert (await own.post(f"{path}/place", data=unknown)).status_code in (404, 422)
        for version in ("", "x", "9" * 40):
            odd = await own.post(f"{path}/names", data={**seen, "version": version, "own_name": "odd"})
            assert odd.status_code == 409, version

        token = {"csrf": csrf_of(await foreign.get("/")), "version": "1", "own_name": "mine"}
        assert (await foreign.get(f"{path}/edit")).status_code == 404
        assert (await foreign.post(f"{path}/names", data=token)).status_code == 404
        assert (await foreign.post(f"{path}/place", data={**token, "site_id": site})).status_code == 404
