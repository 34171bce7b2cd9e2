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


async def _keep(page: Page, folder: Path, screens: dict[str, str], *, status: int = 200) -> None:
    for name, path in screens.items():
        answer = await page.context.request.get(path, max_redirects=0)
        assert answer.status == (404 if name == "not-found" else status), f"{path}: {answer.status}"
        (folder / f"{name}.html").write_text(await answer.text())


async def _refused(page: Page, folder: Path, name: str, path: str, form: dict[str, str], origin: str) -> None:
    """Keep the page that answers a form that cannot be taken."""
    token = await page.locator("[name=csrf]").first.get_attribute("value") or ""
    answer = await page.context.request.post(path, form={"csrf": token, **form}, headers={"Origin": origin})
    assert answer.status in (401, 409, 422), f"{path}: {answer.status}"
    (folder / f"{name}.html").write_text(await answer.text())


async def test_the_nu_checker_finds_nothing_on_any_page(open_page: OpenPage, scene: Scene, tmp_path: Path) -> None:
    customer, agent, visitor = await open_page(scene.german), await open_page(scene.agent), await open_page()
    origin, ticket, device = scene.world.stack.url("portal"), scene.tickets["asked"], scene.devices[3].device_id
    await _keep(customer, tmp_path, scene.screens())
    await _keep(customer, tmp_path, {"forbidden": f"/desk/{ticket}"}, status=403)
    desk = {"desk": "/desk", "desk-empty": "/desk?queue=flagged", "desk-none": "/desk?q=zzzz"}
    await _keep(agent, tmp_path, desk | {"desk-case": f"/desk/{ticket}?queue=all", "desk-tickets": "/tickets"})
    operator = await open_page(await scene.world.person("DE", staff_roles=["operator"]))
    await _keep(operator, tmp_path, {"operations": "/operations", "runbook": "/operations/runbook"})
    screens = {"sign-in": "/sign-in", "visitor-contact": "/contact", "sign-in-ended": "/sign-in?ended=1"}
    await _keep(visitor, tmp_path, screens)

    await customer.goto(f"/tickets/new?device_id={device}")
    await _refused(customer, tmp_path, "report-errors", "/tickets/new", {"device_id": device}, origin)
    await _refused(customer, tmp_path, "reply-errors", f"/tickets/{ticket}/reply", {"text": ""}, origin)
    names = {"version": "1", "own_name": "x" * 101}
    await _refused(customer, tmp_path, "device-errors", f"/devices/{device}/names", names, origin)
    await agent.goto(f"/desk/{ticket}")
    await _refused(agent, tmp_path, "composer-errors", f"/desk/{ticket}/answers", {"text": ""}, origin)
    await visitor.goto("/sign-in")
    wrong_words = {"email": scene.german.email, "password": "not this one"}
    await _refused(visitor, tmp_path, "sign-in-errors", "/sign-in", wrong_words, origin)
    assert not (wrong := judged(tmp_path)), "\n".join(sorted(set(wrong)))
