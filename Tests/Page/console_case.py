"""What the tests of the operators' console share: the browser of all page tests, and a private center for each test."""

from fake_center import SECRET, FakeCenter
from page_case import PageCase


class ConsoleCase(PageCase):
    def start(self, **center):
        self.center = FakeCenter(**center)
        self.addCleanup(self.center.close)
        self.browser.complaints()
        self.browser.screen(reduced=True)
        self.browser.before_each_page(None)
        self.browser.go(self.center.address)

    def sign_in(self, secret=SECRET, actor="ann"):
        self.browser.element("#secret").send_keys(secret)
        field = self.browser.element("#actor")
        field.clear()
        field.send_keys(actor)
        self.browser.element("#signIn button").click()

    def start_signed_in(self, **center):
        self.start(**center)
        self.sign_in()
        self.wait_for_text("#stateText", "live")

    def wait_for_text(self, selector, part):
        self.browser.wait(lambda: part in self.browser.text(selector), f"{selector} does not say \"{part}\"")

    def view(self, name):
        self.browser.element(f"nav a[href='#/{name}']").click()
        self.browser.wait(lambda: self.browser.view == name, f"the view is not {name}")

    def choose_lot(self, number):
        self.browser.run("""const choice = document.getElementById("lot");
            choice.value = arguments[0];
            choice.dispatchEvent(new Event("change"))""", str(number))

    def press(self, text):
        self.browser.run("""[...document.querySelectorAll("main button")]
            .find((one) => one.textContent === arguments[0] && one.getClientRects().length).click()""", text)
        self.browser.wait(lambda: self.browser.element("#act").is_displayed(), "there is no dialog")

    def can_go(self):
        return self.browser.element("#actGo").is_enabled()

    def fill(self, name, value):
        field = self.browser.element(f"#field-{name}")
        field.clear()
        field.send_keys(str(value))
