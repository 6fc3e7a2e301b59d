"""What the tests of the page share: one browser for all, and a private gate and unit for each test."""

import unittest

from browser import Browser
from fake_gate import FakeGate
from fake_unit import FakeUnit


class PageCase(unittest.TestCase):
    browser = None

    @classmethod
    def setUpClass(cls):
        if PageCase.browser is None:
            PageCase.browser = Browser()
            unittest.addModuleCleanup(PageCase.end)

    @staticmethod
    def end():
        PageCase.browser.close()
        PageCase.browser = None

    def start(self, script=None, **gate):
        """Loads the page of a new sale. The origin is new too, so that nothing is left of the test before."""
        self.unit = FakeUnit()
        self.gate = FakeGate(self.unit, **gate)
        self.addCleanup(self.unit.close)
        self.addCleanup(self.gate.close)
        self.browser.complaints()
        self.browser.screen(reduced=True)
        self.browser.before_each_page(script)
        self.addCleanup(self.browser.before_each_page, None)
        self.browser.go(self.gate.address)

    def start_signed_in(self, script=None, **gate):
        self.start(script, **gate)
        self.browser.sign_in()

    def enter(self):
        self.browser.press()
        self.browser.wait_for("entered")

    def start_at_turn(self, **gate):
        self.start_signed_in(**gate)
        self.enter()
        self.gate.open(lot_threshold="4000000000000000")
        self.browser.wait_for("turn")

    def wait_for_button(self, text, is_on=True):
        self.browser.wait(lambda: self.browser.button == [text, is_on], f"the button is not {[text, is_on]}")

    def wait_for_notice(self, part):
        self.browser.wait(lambda: part in self.browser.text("#notice"), f"the page does not say \"{part}\"")

    def wait_for_times(self, ending, count, limit=15):
        self.browser.wait(
            lambda: len(self.gate.times(ending)) >= count, f"fewer than {count} requests to {ending}", limit)
        return self.gate.times(ending)

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])
