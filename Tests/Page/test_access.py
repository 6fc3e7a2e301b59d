"""The page for everybody: axe, keyboard, screen reader, languages, narrow screens, and browsers without JavaScript."""

from page_case import PageCase
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from shots import LOTS, STATES

LANGUAGE = "Object.defineProperty(navigator, 'languages', { configurable: true, get: () => ['%s', 'fr'] });"


class AccessTests(PageCase):
    def test_axe_finds_nothing_and_nothing_is_too_wide_in_any_state(self):
        for state in STATES:
            for language in ("en", "de"):
                with self.subTest(state.__name__, language=language):
                    self.start(LANGUAGE % language, opens_in=50, lots=[dict(row) for row in LOTS])
                    state(self.browser, self.gate)
                    self.browser.run("document.getElementById('rules').open = true")
                    for dark in (False, True):
                        for width in (360, 1280):
                            self.browser.screen(width, 780, dark, reduced=True)
                            self.assertFalse(self.browser.is_too_wide(), f"{width} px")
                            self.assertEqual(self.browser.axe(), [], f"{width} px, dark: {dark}")

    def type(self, *keys):
        ActionChains(self.browser.driver).send_keys(*keys).perform()

    def focus(self):
        return self.browser.run("const e = document.activeElement; return e.id || e.name || e.lang || e.tagName")

    def test_the_keyboard_alone_is_enough(self):
        self.start()
        self.browser.wait_for("waiting")
        order = []
        for _ in range(4):
            self.type(Keys.TAB)
            order.append(self.focus())
        self.assertEqual(order, ["en", "de", "lot", "name"])
        self.type("ann", Keys.ENTER)
        self.browser.wait(lambda: self.browser.text("#buyer b") == "ann", "nobody is signed in")
        self.assertEqual(self.focus(), "headline")
        self.type(Keys.TAB, Keys.TAB, Keys.TAB)
        self.assertEqual(self.focus(), "go")
        self.type(Keys.ENTER)
        self.browser.wait_for("entered")
        self.gate.open(lot_threshold="4000000000000000")
        self.browser.wait_for("turn")
        self.browser.element("#go").send_keys(Keys.SPACE)
        self.browser.wait_for("reserved")

    def test_a_screen_reader_hears_changes_and_not_each_second(self):
        self.start_signed_in(opens_in=50)
        self.enter()
        self.browser.run("""window.heard = [];
            new MutationObserver(() => heard.push(document.getElementById('live').textContent))
                .observe(document.getElementById('live'), { childList: true, characterData: true, subtree: true });""")
        shown = self.browser.text("#figure")
        self.wait_for_times("/status.json", len(self.gate.times("/status.json")) + 3)
        self.assertNotEqual(self.browser.text("#figure"), shown)
        self.assertEqual(self.browser.run("return heard"), [])
        self.gate.open(lot_threshold="4000000000000000")
        self.browser.wait_for("turn")
        heard = self.browser.run("return heard")
        self.assertEqual(len(heard), 1)
        self.assertIn("It is your turn", heard[0])

    def test_the_browser_chooses_the_language_and_the_buyer_can_change_it(self):
        self.start(LANGUAGE % "de-AT")
        self.browser.wait(lambda: self.browser.text("#headline") == "Öffnet in", "the page is not German")
        self.assertEqual(self.browser.run("return document.documentElement.lang"), "de")
        self.browser.element("#languages [lang='en']").click()
        self.browser.wait(lambda: self.browser.text("#headline") == "Opens in", "the page is not English")
        self.browser.go(self.gate.address)
        self.browser.wait(lambda: self.browser.text("#headline") == "Opens in", "the choice is lost")

    def test_the_shop_sends_buyers_with_a_token_that_leaves_the_address(self):
        self.start(identity="shop")
        self.browser.wait(lambda: self.browser.text("#shop"), "the page does not name the shop")
        self.browser.go(self.gate.address + "#token=jwt-ann")
        self.browser.wait(lambda: self.browser.text("#buyer b") == "ann", "nobody is signed in")
        self.assertEqual(self.browser.run("return location.href"), self.gate.address)
        self.wait_for_button("Enter the line")

    def test_without_javascript_the_page_says_when_and_how(self):
        self.browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        self.addCleanup(self.browser.driver.execute_cdp_cmd, "Emulation.setScriptExecutionDisabled", {"value": False})
        self.start()
        text = self.browser.element("main").text
        for part in ("Summer drop", "The sale opens at", "UTC", "Seat, west stand", "without JavaScript", "the line"):
            self.assertIn(part, text)
        self.assertFalse(self.browser.element("#go").is_displayed())

    def test_a_name_with_markup_is_only_text(self):
        name = "<img src=x onerror=alert(1)> & 'seat'"
        self.start(lots=[{**LOTS[0], "name": name}])
        self.browser.wait_for("waiting")
        self.assertEqual(self.browser.text("#lots label span"), name)
