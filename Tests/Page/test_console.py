"""The operators' console at a small center: what it shows, how it acts, and that everybody can use it."""

from console_case import ConsoleCase
from fake_center import ACTS, FOR_TWO, SECRET, proposal, rollout
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

VIEWS = ("sale", "regions", "contest", "configuration", "stranded", "planning")


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
        self.assertNotIn("do not add up", self.browser.text("#alarm"))

    def test_books_that_do_not_add_up_raise_an_alarm_in_every_view(self):
        self.start_signed_in()

        def break_books(picture):
            picture["lots"][0]["parts"]["pool"] += 3
            picture["lots"][0]["difference"] = 3
            # One of them has no row in the picture.
            picture["contradictions"] = [{"lot": 1, "difference": 3}, {"lot": 77, "difference": -1}]
        self.center.change(break_books)
        for view in VIEWS:
            self.view(view)
            self.wait_for_text("#alarm", "lot 1 do not add up: its parts are 3 items more")
            self.wait_for_text("#alarm", "lot 77 do not add up: its parts are 1 item fewer")
        self.view("sale")
        self.wait_for_text("#stockSum", "a difference of 3")

    def test_alarms_about_messages_of_units_are_told_in_every_view(self):
        self.start_signed_in()

        def raise_alarm(picture):
            picture["alarms"].append("unit 2, generation 1: lot 1: its counters do not match")
            picture["alarmCount"] = 30
        self.center.change(raise_alarm)
        for view in VIEWS:
            self.view(view)
            self.wait_for_text("#alarm", "30 alarms since this center leads, the newest: unit 2, generation 1")

    def choose(self, name, value):
        self.browser.run("""const s = document.getElementById(arguments[0]);
            s.value = arguments[1]; s.dispatchEvent(new Event("change"))""", name, value)

    def test_a_draft_can_be_chosen_and_its_acts_are_its_own(self):
        self.start_signed_in()
        self.choose("saleChoice", "winter")
        self.wait_for_text("#saleTitle", "Winter")
        self.wait_for_text("#stockSum", "No stock is issued yet.")
        self.assertFalse(self.browser.element("#leftChart").is_displayed())
        self.assertFalse(self.browser.element("#stockLegend").is_displayed())
        self.assertFalse(self.browser.element("#lot").is_displayed())
        self.press("Warm up")
        self.wait_for_text("#plan", "1,000 items are issued")
        self.browser.element("#typed").send_keys("winter", Keys.ENTER)
        self.wait_for_text("#done", "Done: Warm up winter")
        self.assertEqual(self.center.acts[0][0], "/v1/sales/winter/warm")
        self.choose("saleChoice", "summer")
        self.wait_for_text("#stockSum", "Together 5,000")

    def test_a_lot_of_no_sale_has_no_acts_of_another_sale(self):
        self.start_signed_in()
        self.center.change(lambda picture: picture["lots"][1].update(sale=None))
        self.browser.wait(lambda: "no sale" in self.browser.text("#saleChoice"), "the lot cannot be chosen")
        self.choose("saleChoice", "")
        self.wait_for_text("#salePhase", "none")
        self.assertEqual(self.browser.run("return document.querySelectorAll('#saleActs button').length"), 0)
        self.assertEqual(self.browser.run("return document.getElementById('lot').value"), "2")

    def test_the_chosen_sale_stays_when_another_one_begins(self):
        self.start_signed_in()
        self.wait_for_text("#saleTitle", "Summer drop")

        def begin_winter(picture):
            picture["sales"].reverse()
            picture["sales"][0].update(phase="open", steps=["pause", "close"])
            picture["lots"].insert(0, {**picture["lots"][0], "id": 9, "name": "Snow", "sale": "winter", "issued": 7})
            picture["lots"][1]["soldPerSecond"] = 77.0
        self.center.change(begin_winter)
        self.wait_for_text("#tiles", "77")
        self.assertEqual(self.browser.text("#saleTitle"), "Summer drop")

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

    def acts_in_view(self):
        return self.browser.run("""return [...document.querySelectorAll("main .acts button")]
            .filter((one) => one.getClientRects().length).map((one) => one.textContent)""")

    def test_a_rollout_is_shown_and_rolled_back_with_a_reason(self):
        self.start_signed_in()
        self.view("configuration")
        self.assertFalse(self.browser.element("#rulesCard").is_displayed())
        self.center.change(lambda picture: picture.update(rules=[rollout(held=False)]))
        self.wait_for_text("#rulesStage", "watched: one unit")
        self.wait_for_text("#rulesNote", "then all units")
        self.wait_for_text("#ruleRows", "bad_token 90, limit_reached 10")
        self.center.change(lambda picture: picture.update(rules=[rollout()]))
        self.wait_for_text("#rulesHeld", "Held: 9.0 % of the purchases")
        self.assertEqual(self.browser.text("#rulesStage"), "held")
        self.assertNotIn("Hold", self.browser.text("#ruleActs").split("\n"))
        self.press("Roll back")
        self.wait_for_text("#plan", "say why")
        self.browser.element("#typed").send_keys("summer")
        self.assertFalse(self.can_go())
        self.fill("reason", "forged tokens")
        self.wait_for_text("#plan", "every unit gets the old rules back, as a new version")
        self.browser.element("#actGo").click()
        self.wait_for_text("#done", "Done: Roll back")
        path, body, headers = self.center.acts[0]
        self.assertEqual((path, body), ("/v1/sales/summer/staged/roll-back", {"reason": "forged tokens"}))
        self.assertEqual(headers["If-Match"], '"7"')

    def test_acts_that_the_role_may_not_do_are_not_shown(self):
        self.start()
        self.center.operator = {"name": "ann", "role": "operator", "may": ACTS[:9]}
        self.sign_in()
        self.wait_for_text("#who", "ann, operator")
        self.wait_for_text("#saleActs", "Pause")
        self.assertEqual(self.acts_in_view(), ["Pause", "Add stock", "Move quota", "Revoke tokens"])
        self.view("regions")
        self.wait_for_text("#unitCards", "us-east")
        self.assertEqual(self.acts_in_view(), [])
        self.view("stranded")
        self.wait_for_text("#strandedCards", "the ledger was set back")
        self.assertEqual(self.acts_in_view(), [])

    def test_a_refusal_by_role_is_shown_in_the_dialog(self):
        self.start_signed_in()
        self.center.refuse_next(403, "needs_admin", "this act needs the role admin, and ann has the role operator")
        self.press("Add stock")
        self.fill("add", 4000)
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#actNote", "needs_admin: this act needs the role admin")
        self.assertEqual(self.browser.text("#stateText"), "live")

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
        self.center.losesAnswers = True
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#actNote", "the act takes effect once")
        self.center.losesAnswers = False
        self.browser.element("#typed").send_keys(Keys.ENTER)
        self.wait_for_text("#done", "Done")
        keys = {act[2]["Idempotency-Key"] for act in self.center.acts}
        self.assertGreaterEqual(len(self.center.acts), 2)
        self.assertEqual(len(keys), 1)
        self.browser.complaints()

    def test_a_revocation_counts_on_from_the_epoch_of_the_sale(self):
        self.start_signed_in()
        self.press("Revoke tokens")
        self.wait_for_text("#plan", "revocation epoch: 1 → 2")

    def test_a_plan_that_is_not_possible_says_why(self):
        self.start_signed_in()
        self.press("Move quota")
        self.fill("quantity", 391)
        self.wait_for_text("#plan", "items: 1 to 390")
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.assertFalse(self.can_go())
        self.browser.element("#actCancel").click()
        self.assertEqual(self.center.acts, [])

    def test_a_unit_that_reports_again_is_not_stranded(self):
        self.start_signed_in()
        self.view("regions")
        self.press("Strand ap-south")
        self.wait_for_text("#plan", "items wait for settlement")
        self.browser.element("#typed").send_keys("ap-south")
        self.browser.wait(self.can_go, "a silent unit cannot be stranded")
        self.center.change(lambda picture: picture["units"][2].update(silentMilliseconds=90, isSilent=False))
        self.wait_for_text("#plan", "it reports again: drain it instead")
        self.assertFalse(self.can_go())
        self.center.change(lambda picture: picture["units"][2].update(silentMilliseconds=None, isSilent=True))
        self.browser.wait(self.can_go, "a silent unit cannot be stranded")
        self.browser.element("#typed").send_keys(Keys.ENTER)
        self.wait_for_text("#done", "Done: Strand ap-south")
        # The center looks once more.
        self.assertEqual(self.center.acts[0][:2], ("/v1/units/3/strand", {"onlySilent": True}))

    def test_a_unit_that_a_new_center_has_not_heard_yet_cannot_be_stranded(self):
        self.start_signed_in()
        self.center.change(lambda picture: picture["units"][2].update(silentMilliseconds=None, isSilent=False))
        self.view("regions")
        self.wait_for_text("#unitCards", "never")
        self.assertEqual(self.browser.run(
            "return [...document.querySelectorAll('[data-act=strand]')].filter(b => !b.hidden).length"), 0)

    def test_a_settlement_is_planned_with_the_newest_figures(self):
        self.start_signed_in()
        self.view("stranded")
        self.wait_for_text("#strandedCards", "33 sold")
        self.center.change(lambda picture: picture["stranded"][0].update(quantity=30, shown=25))
        self.wait_for_text("#strandedCards", "25 sold")
        self.press("Settle lot 1 of ap-south")
        self.wait_for_text("#plan", "25 of 30 count as sold")
        self.wait_for_text("#plan", "5 return")
        self.center.change(lambda picture: picture["stranded"][0].update(quantity=28, shown=26))
        self.wait_for_text("#plan", "25 of 28 count as sold; its ledger shows 26")
        self.fill("sold", 29)
        self.wait_for_text("#plan", "0 to 28")
        self.center.change(lambda picture: picture["stranded"].clear())
        self.wait_for_text("#plan", "does not wait for a settlement any more")
        self.browser.element("#typed").send_keys("ap-south")
        self.assertFalse(self.can_go())

    def test_the_outcome_of_an_act_is_told_also_when_its_dialog_was_closed(self):
        self.start_signed_in()
        for refusal, outcome in (None, "Done: Freeze decisions"), ((409, "stale_epoch", "over"), "lot 1: stale_epoch: over"):
            if refusal:
                self.center.refuse_next(*refusal)
            self.center.answers.clear()
            self.press("Freeze decisions")
            self.browser.element("#typed").send_keys("summer", Keys.ENTER)
            self.browser.wait(lambda: not self.can_go(), "the act is not under way")
            self.browser.element("#actCancel").click()
            self.browser.wait(lambda: not self.browser.element("#act").is_displayed(), "the dialog stays")
            self.center.answers.set()
            self.wait_for_text("#done", outcome)

    def prepare_opening(self):
        self.center.change(lambda picture: picture["sales"][0].update(phase="warming", steps=["open", "close"]))

    def test_the_box_that_forces_an_opening_is_for_admins(self):
        self.start(pause=0.1)
        self.center.operator = {"name": "ann", "role": "operator", "may": ACTS[:9]}
        self.prepare_opening()
        self.sign_in()
        self.wait_for_text("#salePhase", "warming")
        self.press("Open")
        self.wait_for_text("#plan", "buyers can buy from")
        self.assertIsNone(self.browser.run("return document.querySelector('#field-force')"))
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#done", "Done: Open summer")

    def test_an_opening_is_counted_from_now_and_not_from_the_last_picture(self):
        self.start(pause=60)  # one picture
        self.prepare_opening()
        self.sign_in()
        self.wait_for_text("#salePhase", "warming")
        # As if the picture had come five seconds ago.
        self.browser.run("board.arrivedAt -= 5000")
        self.press("Open")
        self.wait_for_text("#plan", "buyers can buy from")
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#done", "Done: Open summer")
        at = self.browser.run("return board.picture.atMilliseconds")
        self.assertGreaterEqual(self.center.acts[0][1]["startsAtMilliseconds"], at + 15_000)

    def test_an_opening_whose_answer_is_lost_is_repeated_with_its_time(self):
        self.start(pause=0.1)
        self.prepare_opening()
        self.sign_in()
        self.wait_for_text("#salePhase", "warming")
        self.press("Open")
        self.wait_for_text("#plan", "buyers can buy from")
        self.fill("delay", 30)
        self.center.losesAnswers = True
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#actNote", "the act takes effect once")
        self.center.losesAnswers = False
        self.assertFalse(self.browser.element("#field-delay").is_enabled())
        self.assertFalse(self.browser.element("#field-force").is_enabled())
        self.browser.element("#typed").send_keys(Keys.ENTER)
        self.wait_for_text("#done", "Done")
        self.assertEqual(len({act[1]["startsAtMilliseconds"] for act in self.center.acts}), 1)
        self.browser.complaints()

    def test_a_refused_opening_can_be_changed(self):
        self.start_signed_in()
        self.prepare_opening()
        self.wait_for_text("#salePhase", "warming")
        self.press("Open")
        self.wait_for_text("#plan", "buyers can buy from")
        self.center.refuse_next(409, "not_ready", "unit 3 is not ready")
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#actNote", "not_ready")
        self.browser.wait(self.browser.element("#field-delay").is_enabled, "the time is fixed")

    def test_the_browser_may_show_its_credentials_to_this_center(self):
        # Of the two that a browser has, cookies and certificates, a test can see cookies.
        self.start()
        self.addCleanup(self.browser.driver.delete_all_cookies)
        self.browser.run("document.cookie = 'shown=1; SameSite=Strict'")
        self.sign_in()
        self.wait_for_text("#stateText", "live")
        self.press("Freeze decisions")
        self.browser.element("#typed").send_keys("summer", Keys.ENTER)
        self.wait_for_text("#done", "Done")
        self.assertEqual(set(self.center.cookies), {"shown=1"})

    def test_a_stranded_account_is_settled_by_a_count(self):
        self.start_signed_in()
        self.view("stranded")
        self.press("Settle lot 1 of ap-south")
        self.wait_for_text("#plan", "7 return; pool 860 → 867")
        self.browser.element("#typed").send_keys("ap-south", Keys.ENTER)
        self.wait_for_text("#done", "Done")
        self.assertEqual(self.center.acts[0][:2], (
            "/v1/quota/settle", {"lot": 1, "unit": 3, "generation": 1, "sold": 33}))

    def test_a_person_signs_in_with_the_provider_and_out_again(self):
        self.start()
        self.assertFalse(self.browser.run("return Boolean(document.querySelector('#login'))"))
        self.center.session = "tranche-console=s1"
        self.addCleanup(self.browser.driver.delete_all_cookies)
        self.browser.go(self.center.address)
        # Nobody has tried to sign in.
        self.browser.wait(lambda: self.browser.element("#login").is_displayed(), "there is no link")
        self.assertEqual(self.browser.text("#signInNote"), "")
        self.browser.complaints()
        self.browser.element("#login").click()
        self.wait_for_text("#stateText", "live")
        self.assertEqual(self.browser.run("return document.cookie"), "")
        self.browser.element("#signOut").click()
        self.browser.wait(lambda: self.browser.element("#secret").is_displayed(), "the person is still signed in")
        self.browser.wait(lambda: self.center.session == "none", "the session goes on")

    def start_with_approvals(self):
        self.start()
        self.center.operator["forTwo"] = FOR_TWO
        self.sign_in()
        self.wait_for_text("#stateText", "live")

    def test_an_act_for_two_needs_a_reason_and_becomes_a_proposal(self):
        self.start_with_approvals()
        self.press("Close")
        self.wait_for_text("#plan", "say why")
        self.browser.element("#typed").send_keys("summer")
        self.assertFalse(self.can_go())
        self.fill("reason", "sold out, größer")
        self.wait_for_text("#plan", "this becomes a proposal, and changes nothing")
        self.browser.element("#typed").send_keys(Keys.ENTER)
        self.wait_for_text("#done", "Close summer: proposal 4 waits for a second person.")
        path, body, headers = self.center.acts[0]
        self.assertEqual((path, body, headers["If-Match"]), ("/v1/sales/summer/close", {}, '"7"'))
        self.assertEqual(headers["X-Tranche-Reason"], "sold%20out%2C%20gr%C3%B6%C3%9Fer")
        self.press("Pause")
        self.assertFalse(self.browser.run("return Boolean(document.querySelector('#field-reason'))"))

    def test_a_second_person_approves_with_a_reason_and_the_typed_number(self):
        self.start_with_approvals()
        self.center.change(lambda picture: picture.update(proposals=[proposal(7), proposal(8, by="ann")]))
        self.wait_for_text("#approvalsCount", "2")
        self.view("approvals")
        self.wait_for_text("#proposalCards", "Proposal 7: close summer")
        # Nobody approves an own proposal, or takes another one's back.
        buttons = self.browser.text("#proposalCards")
        for text, is_there in [("Approve proposal 7", True), ("Withdraw proposal 7", False),
                               ("Approve proposal 8", False), ("Withdraw proposal 8", True)]:
            self.assertEqual(text in buttons, is_there, text)
        self.press("Approve proposal 7")
        self.browser.element("#typed").send_keys("7")
        self.assertFalse(self.can_go())
        self.fill("reason", "checked the figures")
        self.wait_for_text("#plan", "close summer, as bob asked: sold out")
        self.browser.element("#typed").send_keys(Keys.ENTER)
        self.wait_for_text("#done", "Done: Approve proposal 7")
        self.assertEqual(self.center.acts[0][:2], ("/v1/proposals/7/approve", {"reason": "checked the figures"}))
        self.press("Withdraw proposal 8")
        self.fill("reason", "a mistake")
        self.center.change(lambda picture: picture.update(proposals=[proposal(7)]))
        self.wait_for_text("#plan", "it does not wait any more")
        self.assertFalse(self.can_go())

    def test_the_secret_of_admins_approves_nothing_and_no_approvals_are_shown_where_there_are_none(self):
        self.start()
        self.center.operator["name"] = "admin"
        self.center.change(lambda picture: picture.update(proposals=[proposal(7)]))
        self.sign_in()
        self.wait_for_text("#approvalsCount", "1")
        self.view("approvals")
        self.wait_for_text("#proposalCards", "Proposal 7")
        self.assertNotIn("Approve proposal", self.browser.text("#proposalCards"))
        self.center.change(lambda picture: picture.update(proposals=[]))
        self.wait_for_text("#approvalsNone", "No proposal waits.")
        self.assertFalse(self.browser.element("#approvalsLink").is_displayed())

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
        for _ in range(9):
            seen.append(self.browser.run(focus))
            self.type(Keys.TAB)
        self.assertEqual(seen[:6], ["Sale", "Regions", "Contest", "Configuration", "Stranded 1", "New sale"])
        self.assertEqual(seen[6:], ["saleChoice", "lot", "Pause"])
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
        self.start_with_approvals()
        self.center.change(
            lambda picture: picture.update(rules=[rollout()], proposals=[proposal(7), proposal(8, by="ann")]))
        self.wait_for_text("#approvalsCount", "2")
        self.choose_lot(2)
        for view in (*VIEWS, "approvals"):
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
        self.fill("reason", "sold out")
        self.wait_for_text("#plan", "no new orders, for good")
        for width in (360, 1280):
            self.browser.screen(width, 780, reduced=True)
            self.assertFalse(self.browser.is_too_wide())
            self.assertEqual(self.browser.axe(), [])
