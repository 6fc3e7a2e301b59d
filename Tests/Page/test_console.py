"""The operators' console at a small center: what it shows, how it acts, and that everybody can use it."""

from console_case import ConsoleCase
from fake_center import SECRET
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

VIEWS = ("sale", "regions", "contest", "configuration", "stranded")


class ConsoleTests(ConsoleCase):
    def test_a_wrong_credential_shows_nothing_and_is_not_kept(self):
        self.start()
        self.sign_in("wrong")
        self.wait_for_text("#signInNote", "credential of an operator")
        self.assertFalse(self.browser.element("#inside").is_displayed())
        self.assertEqual(self.browser.run("return sessionStorage.length + localStorage.length"), 0)
        self.assertEqual(self.center.streams, 0)

    def test_the_credential_stays_in_the_window_until_the_operator_signs_out(self):
        self.start_signed_in()
        self.assertEqual(self.browser.run("return localStorage.length + document.cookie.length"), 0)
        self.assertNotIn(SECRET, self.browser.run("return document.documentElement.outerHTML + location.href"))
        self.browser.go(self.center.address)
        self.wait_for_text("#stateText", "live")
        self.browser.element("#signOut").click()
        self.browser.wait(lambda: self.browser.element("#secret").is_displayed(), "the operator is still signed in")
        self.assertEqual(self.browser.run("return sessionStorage.length"), 0)
        self.assertNotIn("5,000", self.browser.run("return document.body.innerText"))

    def test_the_parts_of_a_lot_are_shown_and_add_up(self):
        self.start_signed_in()
        self.wait_for_text("#stockSum", "Together 5,000: what was issued.")
        legend = self.browser.text("#stockLegend")
        for part in ("paid", "2,635", "in quota of us-east", "390", "in the pool", "860", "stranded", "40"):
            self.assertIn(part, legend)
        widths = self.browser.run(
            "return [...document.querySelectorAll('#stockBar rect')].map(rect => Number(rect.getAttribute('width')))")
        self.assertAlmostEqual(sum(widths), 1000, delta=0.1)
        self.assertEqual(self.browser.text("#alarm"), "")

    def test_books_that_do_not_add_up_raise_an_alarm_in_every_view(self):
        self.start_signed_in()

        def break_books(picture):
            picture["lots"][0]["parts"]["pool"] += 3
            picture["lots"][0]["difference"] = 3
        self.center.change(break_books)
        for view in VIEWS:
            self.view(view)
            self.wait_for_text("#alarm", "lot 1 do not add up: its parts are 3 items more")
        self.view("sale")
        self.wait_for_text("#stockSum", "a difference of 3")

    def test_every_view_shows_its_figures(self):
        self.start_signed_in()
        self.view("regions")
        for part in ("us-east", "310", "180 ms ago", "5 s ago", "degraded", "position 48,213", "1 of 2 lots"):
            self.wait_for_text("#unitCards", part)
        self.view("contest")
        self.wait_for_text("#contestNone", "not contested")
        self.choose_lot(2)
        for part in ("1,893", "412", "stamp"):
            self.wait_for_text("#contestTiles", part)
        self.view("configuration")
        self.wait_for_text("#rollout", "6, behind")
        self.browser.element("#readVersions").click()
        self.wait_for_text("#versionRows", "open summer")
        self.browser.element("#readAudit").click()
        self.wait_for_text("#auditRows", "lot 1: +200")
        self.view("stranded")
        self.wait_for_text("#strandedCards", "the ledger was set back")
        self.wait_for_text("#moves", "64 of 100 from eu-west to us-east")
        self.wait_for_text("#alarms", "granted were 460")

    def test_an_act_shows_its_plan_and_needs_the_typed_name(self):
        self.start_signed_in()
        self.press("Add stock")
        self.assertFalse(self.can_go())
        self.fill("add", 200)
        self.wait_for_text("#plan", "issued: 5,000 → 5,200")
        self.wait_for_text("#plan", "in the pool: 860 → 1,060")
        self.browser.element("#typed").send_keys("summe")
        self.assertFalse(self.can_go())
        self.browser.element("#typed").send_keys("r", Keys.ENTER)
        self.wait_for_text("#done", "Done: Add stock to lot 1")
        path, body, headers = self.center.acts[0]
        self.assertEqual((path, body, headers["X-Tranche-Actor"]), ("/v1/lots/1/stock", {"add": 200}, "ann"))
        self.assertRegex(headers["Idempotency-Key"], "^[0-9a-f]{32}$")

    def test_a_step_names_the_version_that_was_seen_and_looks_again_after_another_change(self):
        self.start_signed_in()
        self.press("Pause")
        self.wait_for_text("#plan", "no new orders")
        self.center.refuse_next(412, "precondition_failed", "the configuration is at version 8, not 7")
        self.center.version = 8
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#actNote", "precondition_failed")
        typed = "return document.getElementById('typed').value"
        self.browser.wait(lambda: self.browser.run(typed) == "", "no new look")
        self.wait_for_text("#plan", "no new orders")
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#done", "Done: Pause summer")
        self.assertEqual([act[2]["If-Match"] for act in self.center.acts], ['"7"', '"8"'])

    def test_an_act_whose_answer_is_lost_is_repeated_under_its_key(self):
        self.start_signed_in()
        self.press("Freeze decisions")
        self.center.refuse_next(0, "", "")
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#actNote", "the act takes effect once")
        self.browser.element("#typed").send_keys(Keys.ENTER)
        self.wait_for_text("#done", "Done")
        keys = {act[2]["Idempotency-Key"] for act in self.center.acts}
        # The browser itself may repeat a request whose connection closed.
        self.assertGreaterEqual(len(self.center.acts), 2)
        self.assertEqual(len(keys), 1)
        self.browser.complaints()

    def test_a_plan_that_is_not_possible_says_why(self):
        self.start_signed_in()
        self.press("Move quota")
        self.fill("quantity", 391)
        self.wait_for_text("#plan", "items: 1 to 390")
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.assertFalse(self.can_go())
        self.browser.element("#actCancel").click()
        self.assertEqual(self.center.acts, [])

    def test_a_stranded_account_is_settled_by_a_count(self):
        self.start_signed_in()
        self.view("stranded")
        self.press("Settle lot 1 of ap-south")
        self.wait_for_text("#plan", "7 return; pool 860 → 867")
        self.browser.element("#typed").send_keys("ap-south", Keys.ENTER)
        self.wait_for_text("#done", "Done")
        self.assertEqual(self.center.acts[0][:2], (
            "/v1/quota/settle", {"lot": 1, "unit": 3, "generation": 1, "sold": 33}))

    def test_a_stream_that_ends_is_read_again_and_old_figures_are_named_so(self):
        self.start_signed_in()
        self.center.isUp = False
        self.browser.wait(lambda: self.browser.run("return document.documentElement.dataset.state") != "live",
                          "the console takes old figures for new ones")
        before = self.center.streams
        self.center.isUp = True
        self.browser.wait(lambda: self.center.streams > before, "the console does not come back")
        self.wait_for_text("#stateText", "live")

    def test_a_name_with_markup_is_only_text(self):
        self.start_signed_in()
        name = "<img src=x onerror=alert(1)> & 'seat'"

        def rename(picture):
            picture["sales"][0]["name"] = name
            picture["units"][0]["name"] = name
        self.center.change(rename)
        self.wait_for_text("#saleTitle", name)
        self.wait_for_text("#stockLegend", name)

    def type(self, *keys):
        ActionChains(self.browser.driver).send_keys(*keys).perform()

    def test_the_keyboard_alone_is_enough(self):
        self.start()
        self.browser.element("#secret").send_keys(SECRET, Keys.TAB, "ann", Keys.ENTER)
        self.wait_for_text("#stateText", "live")
        focus = "return document.activeElement.id || document.activeElement.textContent"
        seen = []
        self.browser.run("document.querySelector('#inside nav a').focus()")
        for _ in range(7):
            seen.append(self.browser.run(focus))
            self.type(Keys.TAB)
        self.assertEqual(seen[:6], ["Sale", "Regions", "Contest", "Configuration", "Stranded 1", "lot"])
        self.assertEqual(seen[6], "Pause")
        self.browser.run("document.querySelector('#saleActs button').focus()")
        self.type(Keys.ENTER)
        self.browser.wait(lambda: self.browser.run(focus) == "typed", "the focus is not in the dialog")
        self.type(Keys.ESCAPE)
        self.browser.wait(lambda: self.browser.run(focus) == "Pause", "the focus does not come back")

    def test_figures_change_and_what_has_the_focus_keeps_it(self):
        self.start_signed_in()
        self.browser.run("document.querySelector('#saleActs button').focus()")
        self.center.change(lambda picture: picture["lots"][0].update(soldPerSecond=77.0))
        self.wait_for_text("#tiles", "77")
        self.assertEqual(self.browser.run("return document.activeElement.textContent"), "Pause")

    def test_axe_finds_nothing_and_nothing_is_too_wide_in_any_view(self):
        self.start_signed_in()
        self.choose_lot(2)
        for view in VIEWS:
            self.view(view)
            for dark in (False, True):
                for width in (360, 1280):
                    with self.subTest(view, dark=dark, width=width):
                        self.browser.screen(width, 780, dark, reduced=True)
                        self.assertFalse(self.browser.is_too_wide())
                        self.assertEqual(self.browser.axe(), [])
            self.browser.screen(reduced=True)
        self.view("sale")
        self.press("Close")
        self.wait_for_text("#plan", "no new orders, for good")
        for width in (360, 1280):
            self.browser.screen(width, 780, reduced=True)
            self.assertFalse(self.browser.is_too_wide())
            self.assertEqual(self.browser.axe(), [])
