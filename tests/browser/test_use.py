"""Using the pages: with keys alone, without JavaScript, and while they change by themselves."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from playwright.async_api import Page, Request, expect

from services.portal.pages.tickets.routes import LINES
from shared.contracts.inbound import DispatchVisitPlanned
from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene
from tests.support.stack import Stack
from tests.support.visits import message, window
from tests.support.waiting import eventually

SOON = 15_000
FOCUS = "() => { const e = document.activeElement; return e.id || e.textContent.trim() || e.tagName; }"


async def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, which has to be visible."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            break
    else:
        raise AssertionError(f"Tab never reaches {selector}; the focus is on {await page.evaluate(FOCUS)}")
    ring = await page.evaluate(
        """() => { const e = document.activeElement, row = e.closest('tr, .tile, .choice');
        return [e, row].filter(Boolean).some(x => getComputedStyle(x).outlineStyle !== 'none'
            && parseFloat(getComputedStyle(x).outlineWidth) >= 2) || getComputedStyle(e).boxShadow !== 'none'; }"""
    )
    assert ring, f"no visible focus on {selector}"


async def test_a_fault_is_reported_with_keys_alone(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.german)
    await page.goto("/tickets/new")
    await page.keyboard.press("Tab")
    assert await page.evaluate("() => document.activeElement.classList.contains('skip')")
    await page.keyboard.press("Enter")
    await page.keyboard.press("/")
    assert await page.evaluate("() => document.activeElement.type") == "search"
    await page.keyboard.type(scene.devices[3].serial)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=*")
    await _tab_to(page, f'a[href$="{scene.devices[3].device_id}"]')
    await page.keyboard.press("Enter")
    await page.wait_for_url("**device_id=*")
    await _tab_to(page, "#description")
    await page.keyboard.type("Nur mit Tasten gemeldet")
    await _tab_to(page, "input[name=impact]")
    await page.keyboard.press("ArrowUp")
    await _tab_to(page, "form[action='/tickets/new'] button")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**received=1")
    await expect(page.locator("main")).to_contain_text("Nur mit Tasten gemeldet")


async def test_rows_are_walked_with_j_and_k(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.german)
    await page.goto("/devices")
    await page.keyboard.press("j")
    first = await page.evaluate(FOCUS)
    await page.keyboard.press("j")
    second = await page.evaluate(FOCUS)
    await page.keyboard.press("k")
    assert first != second
    assert await page.evaluate(FOCUS) == first


async def test_without_javascript_every_step_works(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.finnish, width=390, java_script_enabled=False)
    await page.goto(f"/tickets/new?device_id={scene.devices[2].device_id}")
    await page.click("form[action='/tickets/new'] button[type=submit]")
    await page.fill("#description", "Ilman skriptejä")
    await page.check("input[name=another]")
    await page.check("input[name=impact][value=down]", force=True)
    await page.click("form[action='/tickets/new'] button[type=submit]")
    await page.wait_for_url("**received=1")
    await page.fill("#reply textarea", "Vielä yksi asia")
    await page.click("#reply button[type=submit]")
    await expect(page.locator("#timeline")).to_contain_text("Vielä yksi asia")
    await page.click("footer button[value=de]")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await page.click("footer button[value=fi]")
    await page.click(".menu summary")
    await page.click(".menu form[action='/sign-out'] button")
    await page.wait_for_url("**/sign-in")


async def test_an_error_is_focused_and_what_was_typed_is_kept(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.german)
    await page.goto("/profile")
    await page.fill("#first_name", "")
    await page.fill("#last_name", "Neuname")
    await page.click("form[action='/profile'] button[type=submit]")
    await expect(page.locator("#errors")).to_be_focused()
    await expect(page.locator("#last_name")).to_have_value("Neuname")
    await page.click("#errors a")
    await expect(page.locator("#first_name")).to_be_focused()


async def test_a_page_changes_live_and_keeps_what_is_being_typed(
    open_page: OpenPage, scene: Scene, stack: Stack
) -> None:
    opened = await scene.world.open_ticket(
        scene.german, scene.devices[3], description="Wird live geplant", another_ticket_is_open_ok=True
    )
    page = await open_page(scene.german)
    await page.goto(f"/tickets/{opened['ticket_id']}")
    headline = page.locator(".answer h1")
    before = await headline.inner_text()
    await page.click("#reply textarea")
    await page.keyboard.type("Ich tippe gerade")
    order = str(opened["work_order_id"])
    plan = message(DispatchVisitPlanned, order, 1, **window(hours=30))
    await stack.wire("dispatch").send(plan, order)
    await expect(headline).not_to_have_text(before, timeout=SOON)
    assert await headline.inner_text() in await page.title(), "the tab says what the page says"
    await expect(page.locator("#visit form").first).to_be_visible()
    await expect(page.locator("#reply textarea")).to_have_value("Ich tippe gerade")
    await expect(page.locator("#reply textarea")).to_be_focused()
    await page.keyboard.type(" weiter")
    await expect(page.locator("#reply textarea")).to_have_value("Ich tippe gerade weiter")


async def test_what_was_before_stays_below_what_comes_live(open_page: OpenPage, scene: Scene) -> None:
    opened = await scene.world.open_ticket(
        scene.german, scene.devices[3], description="Viel zu sagen", another_ticket_is_open_ok=True
    )
    path = f"/tickets/{opened['ticket_id']}"
    async with await scene.world.api("tickets", scene.german) as tickets:
        for number in range(LINES + 5):
            await tickets.post(f"/v1{path}/updates", json={"text": f"Wort {number:02d}."})
        page = await open_page(scene.german)
        await page.goto(path)
        timeline = page.locator("#timeline")
        await expect(timeline).not_to_contain_text("Wort 03.")
        await page.click("#timeline-older a")
        await expect(timeline).to_contain_text("Wort 03.")
        await expect(page.locator("#timeline-older")).to_have_count(0)
        await tickets.post(f"/v1{path}/updates", json={"text": "Noch ein Wort."})
    await expect(timeline).to_contain_text("Noch ein Wort.", timeout=SOON)
    lines = [text for text in await page.locator("#timeline .keep-lines").all_inner_texts() if text.startswith("Wort")]
    assert lines == [f"Wort {number:02d}." for number in reversed(range(LINES + 5))]


async def test_what_was_typed_survives_a_lost_page(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.german, width=390)
    path = f"/tickets/{scene.tickets['received']}"
    await page.goto(path)
    text = f"Im Zug getippt, {datetime.now(UTC):%H%M%S}"
    await page.fill("#reply textarea", text)
    await page.goto("/contact")
    await page.goto(path)
    await expect(page.locator("#reply textarea")).to_have_value(text)
    await page.click("#reply button[type=submit]")
    await expect(page.locator("#timeline")).to_contain_text(text)
    await page.reload()
    await expect(page.locator("#reply textarea")).to_have_value("")


async def test_a_new_ticket_appears_at_home_by_itself(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.finnish)
    await page.goto("/")
    await scene.world.open_ticket(
        scene.german, scene.devices[1], description="Erscheint von selbst", another_ticket_is_open_ok=True
    )
    await expect(page.locator("#today")).to_contain_text("Erscheint von selbst", timeout=SOON)


async def test_ten_tabs_of_one_browser_have_one_stream_and_all_change(
    open_page: OpenPage, scene: Scene, stack: Stack
) -> None:
    opened = await scene.world.open_ticket(
        scene.german, scene.devices[3], description="In vielen Fenstern", another_ticket_is_open_ok=True
    )
    path = f"/tickets/{opened['ticket_id']}"
    page = await open_page(scene.german)
    streams: set[Request] = set()
    page.context.on("request", lambda asked: streams.add(asked) if urlsplit(asked.url).path == "/live" else None)

    def forget(ended: Request) -> None:
        streams.discard(ended)

    page.context.on("requestfinished", forget)
    page.context.on("requestfailed", forget)
    tabs = [page, *[await page.context.new_page() for _ in range(9)]]
    for tab in tabs:
        await tab.goto(path)
    await expect(tabs[-1].locator(".answer h1")).to_be_visible()
    await eventually(lambda: _is(len(streams) == 1), what="one stream")
    await tabs[0].close()  # whoever had the stream has gone: another one takes it over
    order = str(opened["work_order_id"])
    before = await tabs[5].locator(".answer h1").inner_text()
    plan = message(DispatchVisitPlanned, order, 1, **window(hours=30))
    await stack.wire("dispatch").send(plan, order)
    for tab in (tabs[1], tabs[5], tabs[9]):
        await tab.bring_to_front()
        await expect(tab.locator(".answer h1")).not_to_have_text(before, timeout=SOON)


async def test_what_was_typed_belongs_to_whom_typed_it(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.german)
    form = f"/tickets/new?device_id={scene.devices[3].device_id}"
    await page.goto(form)
    await page.fill("#description", "Nur für mich")
    await page.check("input[name=impact][value=down]", force=True)
    await page.goto("/devices")
    await page.goto(form)
    await expect(page.locator("#description")).to_have_value("Nur für mich")
    assert await page.is_checked("input[name=impact][value=down]")
    kept = "() => Object.keys(sessionStorage).filter(key => key.startsWith('kept:'))"
    person = await page.evaluate("() => document.body.dataset.person")
    assert person and all(person in key for key in await page.evaluate(kept))
    await page.click("summary:has(.name)")
    await page.click("form[action='/sign-out'] button >> visible=true")
    await page.wait_for_url("**/sign-in*")
    assert await page.evaluate(kept) == []


async def test_one_long_word_pushes_nothing_out_of_sight(open_page: OpenPage, scene: Scene) -> None:
    device = scene.devices[3]
    await scene.world.open_ticket(
        scene.german, device, description="W" * 240, own_reference="R" * 100, another_ticket_is_open_ok=True
    )
    page = await open_page(scene.german)
    beyond = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for width in (320, 768, 1024):
        await page.set_viewport_size({"width": width, "height": 900})
        for path in ("/", "/tickets?state=all", "/devices", *([f"/devices/{device.device_id}"] if width > 320 else [])):
            await page.goto(path)
            assert await page.evaluate(beyond) <= 0, (width, path)


async def _is(value: bool) -> bool:
    return value


async def test_an_agent_answers_with_keys_and_takes_his_words_back(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.agent)
    await page.goto(f"/desk?q={scene.german.email}")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/*-*")
    await page.keyboard.press("r")
    await page.keyboard.type("Noch einmal von vorn")
    await page.get_by_text("Interne Notiz").click()
    await expect(page.locator("button[value=wait_for_customer]")).to_be_hidden()
    await page.locator(".composer button[value=nothing]").click()
    held = page.locator("#held")
    await expect(held).to_contain_text("Noch einmal von vorn")
    await expect(held).to_contain_text("Sekunde", timeout=SOON)
    await held.locator("button").click()
    await expect(page.locator("#text")).to_have_value("Noch einmal von vorn")
    await expect(page.locator("#held button")).to_have_count(0)
    await page.locator(".composer button[value=nothing]").click()
    await expect(page.locator("#timeline")).to_contain_text("Noch einmal von vorn", timeout=2 * SOON)
    await expect(page.locator("#held button")).to_have_count(0)
