"""Pictures of every view of the console, for eyes: console_shots.py FOLDER [VIEW...]."""

import sys
import time
from pathlib import Path

from browser import Browser
from fake_center import SECRET, FakeCenter

VIEWS = ["signIn", "sale", "regions", "contest", "configuration", "stranded", "planning", "act", "alarm"]


def sign_in(browser):
    browser.element("#secret").send_keys(SECRET)
    browser.element("#actor").send_keys("ann")
    browser.element("#signIn button").click()
    browser.wait(lambda: browser.text("#stateText") == "live", "the console is not live")


def prepare(browser, center, view):
    if view == "signIn":
        return
    center.held = ["close"]
    sign_in(browser)
    if view == "alarm":
        center.change(lambda picture: picture.update(contradictions=[{"lot": 1, "difference": 3}]))
    if view in VIEWS[1:7]:
        browser.element(f"nav a[href='#/{view}']").click()
    if view == "contest":
        browser.run("const s = document.getElementById('lot'); s.value = '2'; s.dispatchEvent(new Event('change'))")
    if view == "configuration":
        browser.element("#readVersions").click()
    if view == "planning":
        browser.element("#draft-id").send_keys("autumn")
        browser.element("#draft-name").send_keys("Autumn drop")
        browser.element("#draft-scheduled").click()
        browser.element("#planIt").click()
        browser.wait(lambda: browser.text("#planTiles"), "there is no plan")
    if view == "act":
        browser.run("[...document.querySelectorAll('#saleActs button')].find(b => b.textContent === 'Close').click()")
    # Charts need a few pictures.
    for step in range(12):
        center.change(lambda picture, step=step: picture["lots"][0].update(soldPerSecond=40.0 + step * 7 % 31))
        time.sleep(0.1)


def main(folder, views):
    folder.mkdir(parents=True, exist_ok=True)
    browser = Browser()
    for view in views or VIEWS:
        center = FakeCenter()
        browser.screen(1280, 900)
        browser.go(center.address)
        prepare(browser, center, view)
        for dark in (False, True):
            for width, height in ((1280, 900), (360, 1400)):
                browser.screen(width, height, dark, reduced=True)
                name = f"{view}-{'phone' if width == 360 else 'desktop'}-{'dark' if dark else 'light'}.png"
                browser.driver.save_screenshot(str(folder / name))
        center.close()
    print("\n".join(browser.complaints()))
    browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
