"""An operator's whole day at the console of a real center: `Tests/Page/console` starts the cluster."""

import json
import os
import subprocess
import time
import unittest
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from page_case import PageCase
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

SALE, STOCK, ADDED, MOVED = "drop", 600, 60, 20
SIZES = {"light": (1280, 900, False), "dark": (1280, 900, True), "phone": (390, 844, False)}


@unittest.skipUnless(os.environ.get("CONSOLE_PAGE"), "needs a cluster: Tests/Page/console")
class OperatorTests(PageCase):
    def setUp(self):
        self.center, self.credential = os.environ["CONSOLE_CENTER"], os.environ["CONSOLE_CREDENTIAL"]
        self.shots = os.environ.get("CONSOLE_SHOTS")
        self.loads = []
        self.browser.screen(*SIZES["light"], reduced=True)
        self.browser.before_each_page(None)

    # What a person does.

    def text(self, selector):
        return self.browser.text(selector)

    def wait_for(self, selector, part, limit=20):
        self.browser.wait(lambda: part in self.text(selector), f"{selector} does not say \"{part}\"", limit)

    def view(self, name):
        self.browser.element(f"nav a[href='#/{name}']").click()
        self.browser.wait(lambda: self.browser.view == name, f"the view is not {name}")

    def press(self, text):
        path = f"//main//button[normalize-space()='{text}' and not(@hidden)]"
        self.browser.wait(lambda: self.browser.driver.find_elements(By.XPATH, path), f"there is no \"{text}\"")
        self.browser.driver.find_element(By.XPATH, path).click()

    def write(self, selector, value):
        field = self.browser.element(selector)
        field.clear()
        field.send_keys(str(value))

    def write_start(self, selector, moment):
        """The parts of the date and of the time, as the keyboard types them."""
        self.browser.element(selector).send_keys(
            moment.strftime("%m%d%Y"), Keys.TAB, moment.strftime("%I%M%S%p"))
        value = self.browser.run("return document.querySelector(arguments[0]).value", selector)
        self.assertEqual(value[:16], moment.strftime("%Y-%m-%dT%H:%M"))

    def confirm(self, plan, outcome, word=SALE):
        """Reads what would change, types the name, and presses until the act is done: a settlement may have to wait."""
        self.browser.wait(lambda: self.browser.element("#act").is_displayed(), "there is no dialog")
        self.wait_for("#plan", plan)
        self.assertFalse(self.browser.element("#actGo").is_enabled(), "an act needs no confirmation")
        end = time.monotonic() + 30
        while True:
            if self.browser.element("#typed").get_attribute("value") != word:
                self.write("#typed", word)
            self.browser.wait(self.browser.element("#actGo").is_enabled, f"not possible: {self.text('#plan')}")
            self.browser.element("#actGo").click()
            self.browser.wait(lambda: not self.browser.element("#act").is_displayed() or self.text("#actNote"), "no answer")
            if not self.browser.element("#act").is_displayed():
                break
            self.assertLess(time.monotonic(), end, self.text("#actNote"))
            time.sleep(0.5)
        self.wait_for("#done", outcome)

    # What the test looks at.

    def look(self, name):
        """No finding of axe, nothing too wide; pictures if somebody wants to see them."""
        for size, (width, height, dark) in SIZES.items():
            self.browser.screen(width, height, dark, reduced=True)
            self.assertFalse(self.browser.is_too_wide(), f"{name}, {size}")
            if self.shots:
                Path(self.shots).mkdir(parents=True, exist_ok=True)
                self.browser.driver.save_screenshot(f"{self.shots}/{name}-{size}.png")
        self.assertEqual(self.browser.axe(), [], name)
        self.browser.screen(*SIZES["light"], reduced=True)

    def read(self, path):
        request = urllib.request.Request(
            self.center + path, headers={"Authorization": f"Bearer {self.credential}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def lot(self):
        """The lot as the newest picture of the center has it."""
        text = self.read("/v1/console/events?count=1").decode()
        return json.loads(text.split("data: ", 1)[1])["lots"][0]

    def send_crowd(self, buyers, seconds, seed):
        command = [os.environ["CONSOLE_TRANCHE"], "load", SALE, "--buyers", str(buyers), "--seconds", str(seconds),
                   "--seed", str(seed), "--patience", "60", "--json", "--data", os.environ["CONSOLE_DATA"]]
        load = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(load.stdout.close)
        self.addCleanup(load.kill)
        self.loads.append(load)

    def figure(self, name):
        """One figure of the sale's view."""
        text = self.browser.run("""const found = [...document.querySelectorAll("#tiles dt")]
            .find((one) => one.textContent === arguments[0]);
            return found ? found.nextElementSibling.textContent : "" """, name)
        return float(text.replace(",", "")) if text and text[0].isdigit() and text[-1].isdigit() else text

    def test_a_lot_is_sold_out_with_the_browser_alone(self):
        self.browser.go(os.environ["CONSOLE_PAGE"])
        self.write("#secret", self.credential)
        self.write("#actor", "ann")
        self.browser.element("#signIn button").click()
        self.wait_for("#who", "ann, admin")
        self.prepare_sale()
        self.watch_opening()
        self.act_while_it_sells()
        self.end_sale()
        self.check_books()

    def prepare_sale(self):
        self.wait_for("#stateText", "live")
        self.view("planning")
        for name, value in (("id", SALE), ("name", "Autumn drop"), ("stock", STOCK), ("limit", 1), ("minutes", 30),
                            ("window", 10), ("buyers", 1_500), ("seconds", 20)):
            self.write(f"#draft-{name}", value)
        self.browser.element("#draft-scheduled").click()
        self.write("#draft-warm", 15)
        self.press("Plan it")
        self.wait_for("#planFigures", "eu-west: first grant")
        self.look("plan")
        self.press("Use its quota weights")
        self.write_start("#draft-start", datetime.now(UTC) + timedelta(seconds=20))
        self.press("Create the draft")
        self.confirm(f"{STOCK} items, at most 1 per buyer", f"Done: Create {SALE}")

    def watch_opening(self):
        self.wait_for("#salePhase", "warming", 30)
        self.wait_for("#scheduleSteps", "Hold close")
        self.send_crowd(450, 30, 1)
        self.look("schedule")
        self.wait_for("#salePhase", "open", 40)
        self.browser.wait(lambda: self.figure("Paid") not in ("", "–", 0.0), "nothing is sold", 20)

    def act_while_it_sells(self):
        self.press("Move quota")
        self.write("#field-quantity", MOVED)
        self.look("act")
        self.confirm("us-east", "Done: Move quota")
        self.press("Pause")
        self.confirm("no new orders", f"Done: Pause {SALE}")
        self.wait_for("#salePhase", "paused")
        time.sleep(1)  # what was under way arrives
        before = self.lot()["parts"]
        time.sleep(2)
        after = self.lot()["parts"]
        self.assertEqual(before["paid"] + before["held"], after["paid"] + after["held"], "a paused sale sells")
        self.press("Resume")
        self.confirm("buyers can buy again", f"Done: Resume {SALE}")
        self.wait_for("#salePhase", "open")
        self.press("Add stock")
        self.write("#field-add", ADDED)
        self.confirm(f"issued: {STOCK} → {STOCK + ADDED}", "Done: Add stock")
        self.browser.wait(lambda: self.figure("Issued") == STOCK + ADDED, "the stock is not there")
        self.look("open")
        self.view("stranded")
        self.wait_for("#moves", "us-east to eu-west, done")
        self.view("regions")
        self.look("regions")
        self.view("sale")

    def end_sale(self):
        self.send_crowd(1_500, 5, 2)
        self.browser.wait(lambda: self.figure("Sold out in") == "sold out" and self.figure("Paid") == STOCK + ADDED,
                          "it is not sold out", 60)
        self.look("soldOut")
        self.press("Close")
        self.confirm("no new orders, for good", f"Done: Close {SALE}")
        self.wait_for("#salePhase", "closed")
        self.press("Settle")
        self.confirm(f"{STOCK + ADDED} items are paid for", f"Done: Settle {SALE}")
        self.wait_for("#salePhase", "settled")
        self.look("settled")

    def check_books(self):
        lot, sale = self.lot(), json.loads(self.read(f"/v1/sales/{SALE}"))["sale"]
        self.assertEqual((sale["state"], lot["issued"], lot["difference"]), ("settled", STOCK + ADDED, 0))
        self.assertEqual({kind: value for kind, value in lot["parts"].items() if value}, {"paid": STOCK + ADDED})
        trail = json.loads(self.read("/v1/audit"))
        by_ann = {line["action"] for line in trail if line["actor"] == "ann"}
        self.assertTrue({"move", "stock"} <= by_ann, by_ann)
        orders = 0
        for load in self.loads:
            orders += json.loads(load.communicate(timeout=90)[0])["paid"]
        self.assertEqual(orders, STOCK + ADDED, "buyers know of another number of orders")
