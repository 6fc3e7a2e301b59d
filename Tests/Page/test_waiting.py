"""The time before a buyer's turn: status, countdown, entry and place in line."""

import re
import time

from fake_gate import lot
from page_case import PageCase

SHIFTED = """(() => { const Real = Date, shift = %d; window.Date = class extends Real {
    constructor(...values) { if (values.length) super(...values); else super(Real.now() + shift); }
    static now() { return Real.now() + shift; } }; })();"""


def gaps(times):
    return [later - earlier for earlier, later in zip(times, times[1:])]


class WaitingTests(PageCase):
    def test_the_status_is_read_at_most_once_a_second_and_not_sent_twice(self):
        self.start(opens_in=30)
        times = self.wait_for_times("/status.json", 6)
        self.assertGreaterEqual(min(gaps(times)), 0.99)
        self.assertGreater(self.gate.unchanged, 0)

    def test_the_status_is_read_less_often_while_the_opening_is_far(self):
        self.start(opens_in=3600)
        self.assertGreaterEqual(min(gaps(self.wait_for_times("/status.json", 2))), 5)

    def test_a_hidden_page_reads_the_status_every_ten_seconds(self):
        self.start("Object.defineProperty(document, 'hidden', { get: () => true });", opens_in=30)
        self.assertGreaterEqual(min(gaps(self.wait_for_times("/status.json", 2, limit=20))), 10)

    def test_a_refused_reader_waits_as_told(self):
        self.start(opens_in=30)
        self.browser.wait_for("waiting")
        self.gate.refuse_next("/status.json", 503, "overloaded", retry_after=3)
        self.browser.wait(lambda: not self.gate.prepared["/status.json"], "the status was not read")
        refused = len(self.gate.times("/status.json"))
        times = self.wait_for_times("/status.json", refused + 1)
        self.assertGreaterEqual(times[refused] - times[refused - 1], 3)

    def check_countdown(self, shift):
        self.start(SHIFTED % shift, opens_in=600)
        self.browser.wait_for("waiting")
        minutes, seconds = re.fullmatch(r"(\d\d):(\d\d)", self.browser.text("#figure")).groups()
        left = self.gate.status["opensAt"] / 1000 - time.time()
        self.assertAlmostEqual(int(minutes) * 60 + int(seconds), left, delta=1.5)
        self.assertGreater(abs(self.browser.run("return Date.now()") / 1000 - time.time()), 290)

    def test_a_clock_that_is_five_minutes_slow_does_not_matter(self):
        self.check_countdown(-300_000)

    def test_a_clock_that_is_five_minutes_fast_does_not_matter(self):
        self.check_countdown(300_000)

    def test_the_button_is_off_until_the_sale_opens(self):
        for policy in ("open", "first-come"):
            with self.subTest(policy):
                self.start_signed_in(lots=[lot(policy=policy)])
                self.wait_for_button("Opens soon", is_on=False)
                self.browser.press()
                self.gate.open()
                self.wait_for_button("Buy 1" if policy == "open" else "Enter the line")
                self.assertEqual(self.gate.times("/entry") + self.gate.times("/token"), [])

    def test_a_rank_is_compared_with_the_threshold_as_text(self):
        self.start_signed_in()
        self.gate.rank = "3f2a9c0000000000"
        self.enter()
        self.gate.open(lot_threshold="3f2a9bffffffffff")
        self.browser.wait_for("line")
        self.assertIsNone(self.browser.button)
        self.gate.change(lot_threshold="3f2a9c0000000000")
        self.browser.wait_for("turn")
        self.wait_for_button("Buy 1")

    def test_an_arrival_is_behind_every_draw(self):
        self.start_signed_in()
        self.gate.rank, self.gate.ahead = "8000064f1c2d3e4f", 412
        self.gate.open(lot_threshold="7fffffffffffffff", lot_admitted=180)
        self.browser.wait_for("doors")
        self.browser.press()
        self.browser.wait_for("line")
        self.assertEqual(self.browser.text("#figure"), "412")
        self.assertEqual(self.browser.text("#detail"), "Some 3 minutes to wait")
        self.gate.change(lot_admitted=430)
        self.browser.wait(lambda: self.browser.text("#figure") == "162", "the place in line does not move")
        self.assertEqual(self.browser.text("#detail"), "About a minute to wait")

    def test_without_estimates_the_page_names_no_number(self):
        self.start_signed_in(lots=[lot(entered=None, admitted=None, perMinute=None)])
        self.enter()
        self.gate.open()
        self.browser.wait_for("line")
        self.assertEqual(self.browser.text("#figure"), "You are in line")

    def test_a_reload_keeps_the_place(self):
        self.start_signed_in()
        self.enter()
        self.gate.open()
        self.browser.wait_for("line")
        place = self.browser.text("#figure")
        self.browser.go(self.gate.address)
        self.browser.wait_for("line")
        self.assertEqual(self.browser.text("#figure"), place)
        self.assertEqual([len(self.gate.times(path)) for path in ("/dev/sign-in", "/v1/session", "/entry")], [1, 1, 1])

    def test_a_closed_window_does_not_cost_the_place(self):
        self.start_signed_in()
        self.enter()
        self.browser.run("sessionStorage.clear(); window.onbeforeunload = null")
        self.gate.open()
        self.browser.go(self.gate.address)
        self.browser.sign_in()
        self.browser.wait_for("line")
        self.assertEqual(len(self.gate.times("/entry")), 1)

    def test_everybody_hears_at_once_that_a_lot_is_gone(self):
        self.start_signed_in()
        self.enter()
        self.gate.open()
        self.browser.wait_for("line")
        self.gate.change(lot_band="gone")
        self.browser.wait_for("gone", limit=3)
        self.assertIsNone(self.browser.button)

    def test_at_the_opening_the_page_waits_a_random_part_of_the_delay(self):
        self.start_signed_in("Math.random = () => 0.9;", opens_in=20, lots=[lot(policy="open")], delay=500)
        self.gate.change(phase="open", opensAt=int(time.time() * 1000))
        self.wait_for_button("Buy 1")
        pressed = time.monotonic()
        self.browser.press()
        self.browser.wait_for("reserved")
        self.assertGreaterEqual(self.gate.times("/token")[0] - pressed, 0.45)
