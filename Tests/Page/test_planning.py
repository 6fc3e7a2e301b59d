"""The operators' console before a sale: its plan, its draft and its schedule."""

import unittest
from datetime import UTC, datetime, timedelta

from console_case import ConsoleCase
from selenium.webdriver.common.keys import Keys


class PlanningTests(ConsoleCase):
    def start_planning(self):
        self.start_signed_in()
        self.view("planning")

    def write(self, name, value):
        field = self.browser.element(f"#draft-{name}")
        field.clear()
        field.send_keys(str(value))

    def write_start(self, selector, moment):
        """As a person who types the parts of the date one after the other."""
        self.browser.run("""const field = document.querySelector(arguments[0]);
            field.value = arguments[1];
            field.dispatchEvent(new Event("input", { bubbles: true }))""", selector, moment.strftime("%Y-%m-%dT%H:%M:%S"))

    def press_button(self, text):
        self.browser.run("""[...document.querySelectorAll("main button")]
            .find((one) => one.textContent === arguments[0] && one.getClientRects().length).click()""", text)

    def confirm(self, word):
        self.browser.wait(lambda: self.browser.element("#act").is_displayed(), "there is no dialog")
        self.browser.element("#typed").send_keys(word, Keys.ENTER)

    def new_version(self):
        """As after somebody's act: until then nothing is read again that does not change."""
        self.center.version += 1
        self.center.change(lambda picture: picture["config"].update(version=self.center.version))

    def test_a_plan_is_shown_with_its_reasons_and_its_weights_come_into_the_form(self):
        self.start_planning()
        self.write("id", "autumn")
        self.write("stock", 900)
        self.write("buyers", 3_000)
        self.press_button("Plan it")
        self.wait_for_text("#planTiles", "4.25 s")
        self.wait_for_text("#planFigures", "the moment when the last item is wanted")
        self.wait_for_text("#planFigures", "ap-south: first grant")
        self.press_button("Use its quota weights")
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('#draftUnits input')].map(i => i.value)"),
                         ["3333", "3333", "3333"])
        self.assertEqual(self.center.acts, [])

    def test_a_plan_with_too_few_buyers_says_what_stays_unsold(self):
        self.start_planning()
        self.write("id", "autumn")
        self.write("buyers", 300)
        self.press_button("Plan it")
        self.wait_for_text("#planTiles", "700")
        self.wait_for_text("#planTiles .bad", "Unsold")
        self.write("buyers", 0)
        self.press_button("Plan it")
        self.wait_for_text("#draftNote", "buyers: 1 to 1,000,000,000")
        self.assertFalse(self.browser.element("#planned").is_displayed())

    def test_a_draft_is_created_as_it_was_typed(self):
        self.start_planning()
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
        for name, value in (("id", "autumn"), ("name", "Autumn drop"), ("stock", 900), ("limit", 2), ("minutes", 90),
                            ("window", 60)):
            self.write(name, value)
        self.write_start("#draft-start", start)
        self.browser.element("#draft-scheduled").click()
        self.write("warm", 600)
        self.press_button("Create the draft")
        self.wait_for_text("#plan", "900 items, at most 2 per buyer")
        self.wait_for_text("#plan", "opens, closes and settles it by itself")
        self.confirm("autumn")
        self.wait_for_text("#done", "Done: Create autumn")
        path, body, headers = self.center.acts[0]
        at = int(start.timestamp() * 1000)
        self.assertEqual(path, "/v1/sales")
        self.assertEqual({key: body[key] for key in ("id", "name", "state", "startsAtMilliseconds", "endsAtMilliseconds",
                                                     "paymentWindowMilliseconds")},
                         {"id": "autumn", "name": "Autumn drop", "state": "draft", "startsAtMilliseconds": at,
                          "endsAtMilliseconds": at + 90 * 60_000, "paymentWindowMilliseconds": 60_000})
        # The lots of the picture are 1, 2 and 9.
        self.assertEqual(body["lots"], [{"id": 10, "name": "Autumn drop", "stock": 900, "perBuyerLimit": 2,
                                         "poolPermille": 0, "weights": None, "contest": {"when": "scarce"}, "line": None}])
        self.assertEqual(body["schedule"], {"warmBeforeMilliseconds": 600_000, "openBeforeMilliseconds": 10_000,
                                            "openLateMilliseconds": 30_000})
        self.assertRegex(headers["Idempotency-Key"], "^[0-9a-f]{32}$")
        self.assertEqual(self.browser.view, "sale")

    def test_a_bad_value_is_named_and_nothing_is_asked(self):
        self.start_planning()
        for name, value, text in (("id", "no spaces", "id: 1 to 64"), ("stock", 0, "items: 1 to"),
                                  ("minutes", 0, "minutes that it lasts: 0.1"), ("window", "", "seconds to pay: 1 to")):
            with self.subTest(name):
                self.write(name, value)
                self.press_button("Create the draft")
                self.wait_for_text("#draftNote", text)
                self.assertFalse(self.browser.element("#act").is_displayed())
                self.write(name, "fine" if name == "id" else 5)
        self.assertEqual(self.center.acts, [])

    def test_a_scheduled_opening_in_the_past_is_not_possible(self):
        self.start_planning()
        self.write("id", "autumn")
        self.write_start("#draft-start", datetime.now(UTC) - timedelta(minutes=1))
        self.browser.element("#draft-scheduled").click()
        self.press_button("Create the draft")
        self.wait_for_text("#plan", "it would open in the past")
        self.browser.element("#typed").send_keys("autumn")
        self.assertFalse(self.can_go())

    def test_who_may_not_create_sales_sees_no_form(self):
        self.start()
        self.center.operator = {"name": "ann", "role": "operator", "may": ["read", "warm", "open", "pause", "resume", "hold"]}
        self.sign_in()
        self.wait_for_text("#who", "ann, operator")
        self.browser.wait(lambda: "New sale" not in self.browser.text("nav"), "the view is offered")
        self.browser.run("location.hash = '#/planning'")
        self.wait_for_text("#planning", "A sale is created by an admin.")
        self.assertFalse(self.browser.element("#draft").is_displayed())

    def test_a_step_is_held_and_released(self):
        self.start_signed_in()
        self.wait_for_text("#scheduleNote", "Operators take each step")
        self.center.held = []
        self.new_version()
        self.wait_for_text("#scheduleSteps", "Hold close")
        self.wait_for_text("#scheduleSteps", "unit ap-south does not report")
        # What is done is not held.
        self.assertNotIn("Hold warm up", self.browser.text("#scheduleSteps"))
        for text, method in (("Hold close", "PUT"), ("Release close", "DELETE")):
            self.wait_for_text("#scheduleSteps", text)
            self.press(text)
            self.confirm("summer")
            self.wait_for_text("#done", f"Done: {text.split()[0]} the step close of summer")
            self.assertEqual((self.center.acts[-1][0], self.center.methods[-1]),
                             ("/v1/sales/summer/holds/close", method))
            self.center.held = ["close"]

    def test_an_end_is_released_by_admins_alone(self):
        self.start()
        self.center.held = ["open", "close"]
        self.center.operator = {"name": "ann", "role": "operator", "may": ["read", "pause", "hold"]}
        self.sign_in()
        self.wait_for_text("#scheduleSteps", "Release open")
        self.assertNotIn("Release close", self.browser.text("#scheduleSteps"))

    def test_the_times_of_a_sale_are_changed_and_the_rest_stays(self):
        self.start_signed_in()
        self.center.held = ["settle"]
        self.new_version()
        self.wait_for_text("#scheduleSteps", "Release settle")
        self.press("Change the times")
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        self.write_start("#field-start", start)
        self.fill("minutes", 30)
        self.wait_for_text("#plan", start.strftime("→ %Y-%m-%d %H:%M:%S UTC"))
        self.confirm("summer")
        self.wait_for_text("#done", "Done: Change the times of summer")
        path, body, headers = self.center.acts[0]
        at = int(start.timestamp() * 1000)
        self.assertEqual((path, self.center.methods, headers["If-Match"]), ("/v1/sales/summer", ["PUT"], '"8"'))
        self.assertEqual((body["startsAtMilliseconds"], body["endsAtMilliseconds"]), (at, at + 30 * 60_000))
        self.assertEqual((body["schedule"]["held"], len(body["lots"])), (["settle"], 2))

    def test_a_draft_is_deleted_and_an_open_sale_is_not(self):
        self.start_signed_in()
        self.wait_for_text("#scheduleActs", "Change the times")
        self.assertNotIn("Delete", self.browser.text("#scheduleActs"))
        self.browser.run("""const choice = document.getElementById("saleChoice");
            choice.value = "winter";
            choice.dispatchEvent(new Event("change"))""")
        self.wait_for_text("#scheduleActs", "Delete the draft")
        self.press("Delete the draft")
        self.wait_for_text("#plan", "nothing of it was issued")
        self.confirm("winter")
        self.wait_for_text("#done", "Done: Delete the draft winter")
        self.assertEqual((self.center.acts[0][0], self.center.methods), ("/v1/sales/winter", ["DELETE"]))

    def test_axe_finds_nothing_in_a_plan_and_in_a_schedule(self):
        self.start_signed_in()
        self.center.held = ["close"]
        self.new_version()
        self.wait_for_text("#scheduleSteps", "Release close")
        for view in ("sale", "planning"):
            self.view(view)
            if view == "planning":
                self.write("id", "autumn")
                self.browser.run("document.querySelector('#draft details').open = true")
                self.browser.element("#draft-scheduled").click()
                self.press_button("Plan it")
                self.wait_for_text("#planTiles", "4.25 s")
            for dark in (False, True):
                for width in (360, 1280):
                    with self.subTest(view, dark=dark, width=width):
                        self.browser.screen(width, 780, dark, reduced=True)
                        self.assertFalse(self.browser.is_too_wide())
                        self.assertEqual(self.browser.axe(), [])
            self.browser.screen(reduced=True)


if __name__ == "__main__":
    unittest.main()
