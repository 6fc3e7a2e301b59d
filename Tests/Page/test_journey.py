"""One buyer's way through a sale, at the fake gate or at a real one (--gate ADDRESS of the page, identity `dev`)."""

import os
import unittest

from page_case import PageCase

ENDS = ("reserved", "contested", "waitlisted", "lost", "gone", "ended", "refused")


class JourneyTests(PageCase):
    def check(self, states):
        for dark in (False, True):
            self.browser.screen(360, 780, dark, reduced=True)
            self.assertEqual(self.browser.axe(), [], self.browser.view)
            self.assertFalse(self.browser.is_too_wide(), self.browser.view)
        states.append(self.browser.view)

    @unittest.skipUnless(os.environ.get("PAGE_GATE"), "needs --gate ADDRESS")
    def test_a_buyer_goes_through_the_sale_of_a_real_gate(self):
        browser, states = self.browser, []
        browser.go(os.environ["PAGE_GATE"])
        browser.wait(lambda: browser.view, "the page has no status")
        self.check(states)
        browser.sign_in(os.environ.get("PAGE_BUYER", "ann"))
        patience = int(os.environ.get("PAGE_PATIENCE", "120"))
        while browser.view not in ENDS:
            before = browser.view
            if browser.button and browser.button[1]:
                browser.press()
            browser.wait(lambda: browser.view != before or (browser.button or [0, 0])[1], "nothing happens", patience)
            if browser.view != before:
                self.check(states)
        if browser.button and browser.button[1] and browser.view == "reserved":
            browser.press()
            browser.wait_for("paid")
            self.check(states)
        print("the buyer saw:", ", ".join(states))
        self.assertIn(states[-1], (*ENDS, "paid"))
