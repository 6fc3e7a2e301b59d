"""From the turn to the order: token, challenge, order, payment, and every kind of refusal."""

import time

from fake_gate import lot
from page_case import PageCase
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import Select


class BuyingTests(PageCase):
    def test_a_buyer_solves_the_challenge_buys_and_pays(self):
        self.start_at_turn(challenge="work", opens_in=30)
        Select(self.browser.element("#quantity")).select_by_value("2")
        self.browser.press()
        self.browser.wait_for("reserved")
        self.assertRegex(self.browser.text("#figure"), r"^(10:00|09:5\d)$")
        self.assertEqual([entry[3] for entry in self.unit.purchases()], [{"quantity": 2}])
        self.assertEqual(len(self.gate.times("/token")), 1)
        self.assertEqual(len(self.gate.spent), 1)
        self.browser.go(self.gate.address)
        self.browser.wait_for("reserved")
        self.wait_for_button("Pay now")
        self.browser.press()
        self.browser.wait_for("paid")

    def test_a_double_click_asks_for_one_token(self):
        self.start_at_turn()
        self.gate.token_delay = 0.5
        ActionChains(self.browser.driver).double_click(self.browser.element("#go")).perform()
        self.wait_for_button("One moment", is_on=False)
        self.browser.run("const b = document.getElementById('go'); b.click(); b.click()")
        self.browser.wait_for("reserved")
        self.assertEqual(len(self.gate.times("/token")), 1)
        self.assertEqual(len(self.unit.purchases()), 1)

    def test_the_button_comes_back_after_five_seconds_without_an_answer(self):
        self.start_at_turn()
        self.gate.token_delay = 7
        self.browser.press()
        self.wait_for_button("One moment", is_on=False)
        self.wait_for_button("Buy 1")
        self.assertGreaterEqual(time.monotonic() - self.gate.times("/token")[0], 4.9)
        self.assertIn("you never buy twice", self.browser.text("#notice"))
        self.assertEqual(len(self.gate.times("/token")), 1)

    def test_a_repetition_waits_as_told(self):
        self.start_at_turn()
        self.gate.refuse_next("/token", 429, "rate_limited", retry_after=2)
        self.unit.refuse_next(503, "restocking", retry_after=1)
        self.browser.press()
        self.wait_for_notice("Too many requests")
        self.assertRegex(self.browser.button[0], r"^Asks again in [123] seconds?$")
        self.browser.wait_for("reserved")
        first, second = self.gate.times("/token")
        self.assertGreaterEqual(second - first, 2)
        first, second = [entry[0] for entry in self.unit.purchases()]
        self.assertGreaterEqual(second - first, 1)

    def test_without_a_time_nothing_is_repeated(self):
        self.start_at_turn()
        self.gate.refuse_next("/token", 503, "overloaded")
        self.browser.press()
        self.wait_for_notice("Very many people")
        self.wait_for_button("Buy 1")
        self.assertEqual(len(self.gate.times("/token")), 1)
        self.browser.press()
        self.browser.wait_for("reserved")

    def test_waiting_for_a_repetition_ends_when_the_lot_is_gone(self):
        self.start_at_turn()
        self.gate.refuse_next("/token", 503, "overloaded", retry_after=3)
        self.browser.press()
        self.wait_for_notice("Very many people")
        self.gate.change(lot_band="gone")
        self.browser.wait_for("gone", limit=3)
        self.wait_for_notice("Nothing is left")
        self.assertEqual(len(self.gate.times("/token")), 1)

    def test_an_answer_that_was_too_fast_is_given_again(self):
        self.start_at_turn(challenge="work", opens_in=30)
        self.gate.refuse_next("/token", 403, "too_fast", challenge=self.gate.challenge())
        self.browser.press()
        self.browser.wait_for("reserved")
        self.assertEqual(len(self.gate.times("/token")), 2)

    def test_a_turn_that_the_gate_does_not_see_yet_keeps_the_button_off(self):
        self.start_at_turn()
        self.gate.refuse_next("/token", 403, "not_admitted", retry_after=2)
        self.browser.press()
        self.wait_for_notice("It is not your turn yet")
        self.assertRegex(self.browser.button[0], r"^Again in \d seconds?$")
        self.assertFalse(self.browser.button[1])
        self.wait_for_button("Buy 1")
        self.assertEqual(len(self.gate.times("/token")), 1)

    def test_each_refusal_is_a_sentence(self):
        self.start_at_turn()
        for status, code, sentence in [
                (403, "blocked", "cannot take part"), (409, "duplicate", "already have an order"),
                (409, "limit_reached", "more than one person may buy"), (401, "bad_token", "press the button again"),
                (401, "token_revoked", "were renewed"),
                (410, "sold_out", "Nothing is left"), (418, "news", "did not work")]:
            with self.subTest(code):
                self.unit.refuse_next(status, code)
                self.browser.press()
                self.wait_for_notice(sentence)
                self.wait_for_button("Buy 1")
        self.unit.refuse_next(403, "ineligible")
        self.browser.press()
        self.browser.wait_for("refused")
        self.assertIn("rules of this sale", self.browser.text("#detail"))
        self.assertIsNone(self.browser.button)

    def test_a_session_that_ended_leads_back_to_the_sign_in(self):
        self.start_at_turn()
        self.gate.refuse_next("/token", 401, "bad_identity")
        self.browser.press()
        self.wait_for_notice("sign in again")
        self.browser.sign_in()
        self.wait_for_button("Buy 1")
        self.assertEqual(len(self.gate.times("/entry")), 1)

    def test_a_purchase_at_the_wrong_unit_goes_to_the_right_one(self):
        self.start_at_turn()
        self.unit.refuse_next(421, "wrong_unit", location=self.unit.origin)
        self.browser.press()
        self.browser.wait_for("reserved")

    def test_a_new_buyer_follows_a_referral_with_the_token_for_the_other_unit(self):
        self.start_at_turn()
        self.unit.refuse_next(421, "wrong_unit", location=self.unit.origin, token="token-session-other")
        self.browser.press()
        self.browser.wait_for("reserved")
        self.assertEqual(self.unit.bearers[-1], "Bearer token-session-other")

    def test_a_waitlisted_order_gets_a_returned_item(self):
        self.start_at_turn()
        self.unit.change(state="contested")
        self.browser.press()
        self.browser.wait_for("contested")
        self.unit.change(state="waitlisted", ahead=412, mayReturn=30)
        self.browser.wait_for("waitlisted")
        self.assertEqual(self.browser.text("#figure"), "412")
        self.assertEqual(self.browser.text("#detail"), "30 items may still return")
        self.unit.change(state="reserved", deadlineMicroseconds=int((time.time() + 60) * 1_000_000))
        self.browser.wait_for("reserved")

    def test_an_order_that_got_nothing_says_so(self):
        self.start_at_turn()
        self.unit.change(state="contested")
        self.browser.press()
        self.browser.wait_for("contested")
        self.unit.is_lost = True
        self.gate.change(lot_band="gone")
        self.browser.wait_for("lost")
        self.browser.wait(lambda: self.browser.button is None, "a lost order in a lot that is gone can be tried again")

    def test_an_expired_order_can_be_tried_again(self):
        self.start_at_turn()
        self.unit.change(state="expired")
        self.browser.press()
        self.browser.wait_for("expired")
        self.wait_for_button("Try again")
        self.unit.change(state="reserved")
        self.browser.press()
        self.wait_for_button("Buy 1")
        self.browser.press()
        self.browser.wait_for("reserved")
        self.assertEqual(len(self.gate.times("/token")), 2)

    def test_lots_are_bought_one_by_one(self):
        self.start_signed_in(lots=[lot(1, "Seat"), lot(2, "Standing", policy="open")])
        self.gate.open(lot_threshold="0")
        self.wait_for_button("Enter the line")
        self.browser.element("#lots input[value='2']").click()
        self.wait_for_button("Buy 1")
        self.browser.press()
        self.browser.wait_for("reserved")
        self.assertEqual(self.unit.purchases()[0][2], "/v1/lots/2/orders")
        self.browser.element("#lots input[value='1']").click()
        self.wait_for_button("Enter the line")
