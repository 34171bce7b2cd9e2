"""The Nu HTML checker, the reference of the markup's rules, finds nothing on any page, whoever reads it."""

import json
import subprocess
from pathlib import Path

from playwright.async_api import Page

from deploy.local import installations
from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene


def judged(folder: Path) -> list[str]:
    """What the checker says of all files of a folder."""
    jar = installations.assets_directory() / "vnu-jar" / "build" / "dist" / "vnu.jar"
    ran = subprocess.run(
        ["java", "-jar", str(jar), "--format", "json", "--exit-zero-always", str(folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return [
        f"{Path(said['url']).name}:{said.get('lastLine')} {said['message']} {said.get('extract', '').strip()[:120]!r}"
        for said in json.loads(ran.stderr)["messages"]
    ]


async def _keep(page: Page, folder: Path, screens: dict[str, str]) -> None:
    for name, path in screens.items():
        answer = await page.context.request.get(path)
        (folder / f"{name}.html").write_text(await answer.text())


async def test_the_nu_checker_finds_nothing_on_any_page(open_page: OpenPage, scene: Scene, tmp_path: Path) -> None:
    customer, agent, visitor = await open_page(scene.german), await open_page(scene.agent), await open_page()
    await _keep(customer, tmp_path, scene.screens())
    case = f"/desk/{scene.tickets['asked']}"
    desk = {"desk": "/desk", "desk-empty": "/desk?queue=flagged", "desk-none": "/desk?q=zzzz"}
    await _keep(agent, tmp_path, desk | {"desk-case": f"{case}?queue=all", "all": "/tickets"})
    await _keep(
        visitor, tmp_path, {"sign-in": "/sign-in", "visitor-contact": "/contact", "sign-in-ended": "/sign-in?ended=1"}
    )

    device_id = scene.devices[3].device_id
    await customer.goto(f"/tickets/new?device_id={device_id}")
    token = await customer.locator("[name=csrf]").first.get_attribute("value") or ""
    refused = await customer.context.request.post(
        "/tickets/new",
        form={"csrf": token, "device_id": device_id},
        headers={"Origin": scene.world.stack.url("portal")},
    )
    assert refused.status == 422
    (tmp_path / "report-errors.html").write_text(await refused.text())
    assert not (wrong := judged(tmp_path)), "\n".join(sorted(set(wrong)))
