"""A headless Chromium with the few verbs that the tests of the page need."""

from pathlib import Path

import axe_core_python
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
AXE_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
    (found) => done(found.violations.map((one) => one.id + ": " + one.nodes.map((node) => node.html).join(" | "))),
    (error) => done([String(error)]));
"""


class Browser:
    def __init__(self, language="en"):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ["headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-extensions",
                     "hide-scrollbars", f"lang={language}", f"accept-lang={language}"]:
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(30)
        self.prelude = None

    def close(self):
        self.driver.quit()

    def screen(self, width=1280, height=800, dark=False, reduced=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2 if width < 600 else 1, "mobile": width < 600})
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                    {"name": "prefers-reduced-motion", "value": "reduce" if reduced else "no-preference"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def before_each_page(self, script):
        """Runs the script before each later page, in place of the one before; None runs nothing."""
        if self.prelude:
            self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": self.prelude})
        self.prelude = script and self.driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": script})["identifier"]

    def go(self, address):
        self.driver.get(address)

    def run(self, script, *values):
        return self.driver.execute_script(script, *values)

    def element(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.run(
            "const e = document.querySelector(arguments[0]); return e && !e.hidden ? e.innerText : ''", selector)

    def wait(self, condition, message, limit=15):
        return WebDriverWait(self.driver, limit, 0.05).until(lambda _: condition(), message)

    def wait_for(self, view, limit=15):
        """Waits until the page shows this view (`data-view` of the root element)."""
        self.wait(lambda: self.view == view, f"the page does not show \"{view}\"", limit)

    @property
    def view(self):
        return self.run("return document.documentElement.dataset.view")

    @property
    def button(self):
        """The text of the main button and whether it can be pressed; None if it is hidden."""
        return self.run("""const b = document.getElementById("go");
            const isOn = b.getAttribute("aria-disabled") !== "true";
            return b.closest("[hidden]") ? null : [b.textContent, isOn]""")

    def press(self):
        self.element("#go").click()

    def sign_in(self, name="ann"):
        self.wait(lambda: self.element("#name").is_displayed(), "there is no field for a name")
        self.element("#name").clear()
        self.element("#name").send_keys(name)
        self.element("#sign-in button").click()
        self.wait(lambda: self.element("#buyer").is_displayed(), "nobody is signed in")

    def axe(self):
        self.driver.execute_script(AXE)
        return self.driver.execute_async_script(AXE_RUN)

    def is_too_wide(self):
        return self.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")

    def complaints(self):
        """Errors of the console, without those about answers of 4xx and 5xx, which tests provoke."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and "the server responded with a status" not in entry["message"]]
