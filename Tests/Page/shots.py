"""Pictures of every state of the page, for eyes: shots.py FOLDER."""

import sys
from pathlib import Path

from browser import Browser
from fake_gate import FakeGate, lot
from fake_unit import FakeUnit

LOTS = [lot(buyerLimit=4), lot(2, "Seat, east stand", band="few"),
        lot(3, "Standing, with a very long name of its own", band="contested")]
AHEAD = {"lot_threshold": "3000000000000000", "lot_admitted": 180}


def enter(browser, gate):
    browser.sign_in()
    browser.press()
    browser.wait_for("entered")


def buy(browser, gate):
    enter(browser, gate)
    gate.open(lot_threshold="4000000000000000")
    browser.wait_for("turn")
    browser.press()


def signed_out(browser, gate):
    browser.wait_for("waiting")


def waiting(browser, gate):
    browser.sign_in()
    browser.wait_for("waiting")


def line(browser, gate):
    enter(browser, gate)
    gate.open(**AHEAD)
    browser.wait_for("line")


def turn(browser, gate):
    enter(browser, gate)
    gate.open(lot_threshold="4000000000000000")
    browser.wait_for("turn")


def reserved(browser, gate):
    buy(browser, gate)
    browser.wait_for("reserved")


def waitlisted(browser, gate):
    gate.unit.change(state="waitlisted", ahead=412, mayReturn=30)
    buy(browser, gate)
    browser.wait_for("waitlisted")


def gone(browser, gate):
    enter(browser, gate)
    gate.open(lot_band="gone")
    browser.wait_for("gone")


def refused(browser, gate):
    gate.refuse_next("/token", 403, "not_eligible")
    buy(browser, gate)
    browser.wait_for("refused")


def busy(browser, gate):
    gate.refuse_next("/token", 429, "rate_limited", 30)
    buy(browser, gate)
    browser.wait(lambda: browser.text("#notice"), "no notice")


STATES = [signed_out, waiting, enter, line, turn, reserved, waitlisted, gone, refused, busy]


def main(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    browser = Browser()
    for state in STATES:
        if names and state.__name__ not in names:
            continue
        unit = FakeUnit()
        gate = FakeGate(unit, opens_in=840, lots=[dict(row) for row in LOTS])
        browser.screen(1280, 800)
        browser.go(gate.address)
        state(browser, gate)
        for dark in (False, True):
            for width, height in ((1280, 800), (360, 780)):
                browser.screen(width, height, dark, reduced=True)
                name = f"{state.__name__}-{'phone' if width == 360 else 'desktop'}-{'dark' if dark else 'light'}.png"
                browser.driver.save_screenshot(str(folder / name))
        unit.close()
        gate.close()
    print("\n".join(browser.complaints()))
    browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
