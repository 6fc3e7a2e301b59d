"""Sells a sale at a center and one unit by their addresses, as a shop's software would, and looks whether the books agree.

  sale.py CENTER UNIT     with the secrets of both in the environment; the last line says what was sold
"""

import base64
import hashlib
import hmac
import json
import os
import struct
import sys
import time
import urllib.error
import urllib.request

SALE, LOT, STOCK, BUYERS = "try", 1, 20, 30


def call(method, address, body=None, **headers):
    """The status, the document and the version of an answer."""
    request = urllib.request.Request(
        address, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null"), answer.headers.get("ETag")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null"), None


def token(number):
    """A purchase token of version 3 (Sources/TrancheAPI/PurchaseToken.swift)."""
    secret, buyer, now = os.environ["TRANCHE_TOKEN_SECRET"].encode(), f"buyer-{number}".encode(), int(time.time() * 1e6)
    order = os.urandom(16)
    content = (b"\x03" + hashlib.sha256(secret).digest()[:4] + struct.pack(">I", 0) + order + struct.pack(">IH", LOT, 1)
               + struct.pack(">qqq", now, now - 1_000_000, now + 600_000_000) + bytes([len(buyer)]) + buyer)
    mac = hmac.new(secret, content, hashlib.sha256).digest()
    return order.hex(), base64.urlsafe_b64encode(content + mac).rstrip(b"=").decode()


class Center:
    def __init__(self, address):
        self.address, self.credential = address, f"Bearer {os.environ['TRANCHE_ADMIN_SECRET']}"

    def call(self, method, path, body=None, **headers):
        status, document, tag = call(method, self.address + path, body, Authorization=self.credential, **headers)
        if status >= 300:
            sys.exit(f"{method} {path}: {status} {document}")
        return document, tag

    def step(self, name, body=None):
        """The step at the newest version; it waits for what is missing."""
        for _ in range(150):
            _, tag = self.call("GET", f"/v1/sales/{SALE}")
            status, document, _ = call("POST", f"{self.address}/v1/sales/{SALE}/{name}", body or {},
                                       Authorization=self.credential, If_Match=tag)
            if status < 300:
                return
            if status not in (409, 412, 503):
                break
            time.sleep(0.2)
        sys.exit(f"{name}: {status} {document}")


def pay(unit, order):
    body = {"order": order, "payment": f"payment-{order[:8]}"}
    at = int(time.time() * 1000)
    message = f"{at}.".encode() + json.dumps(body).encode()
    code = hmac.new(os.environ["TRANCHE_PAYMENT_SECRET"].encode(), message, hashlib.sha256).hexdigest()
    status, document, _ = call("POST", f"{unit}/v1/payments/callback", body, X_Tranche_Signature=f"t={at},v1={code}")
    if status != 200:
        sys.exit(f"payment of {order}: {status} {document}")


def picture(center):
    request = urllib.request.Request(f"{center.address}/v1/console/events?count=1",
                                     headers={"Authorization": center.credential})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read().decode().split("data: ", 1)[1])


def main(center, unit):
    center, now = Center(center), int(time.time() * 1000)
    center.call("POST", "/v1/sales", {
        "id": SALE, "name": SALE, "state": "draft", "startsAtMilliseconds": now, "endsAtMilliseconds": now + 3_600_000,
        "paymentWindowMilliseconds": 60_000,
        "lots": [{"id": LOT, "name": SALE, "stock": STOCK, "perBuyerLimit": 1, "poolPermille": 0, "contest": {"when": "never"}}]})
    center.step("warm")
    center.step("open", {"startsAtMilliseconds": int(time.time() * 1000) + 500})
    time.sleep(1)
    orders, refused = [], 0
    for number in range(BUYERS):
        order, purchase = token(number)
        for _ in range(100):
            status, document, _ = call("POST", f"{unit}/v1/lots/{LOT}/orders", Authorization=f"Bearer {purchase}")
            if status not in (403, 503):
                break
            time.sleep(0.1)
        if status == 201:
            orders.append(order)
        elif status == 410:
            refused += 1
        else:
            sys.exit(f"order {number}: {status} {document}")
    for order in orders:
        pay(unit, order)
    center.step("close")
    center.step("settle")
    lot = picture(center)["lots"][0]
    kept = {kind: value for kind, value in lot["parts"].items() if value}
    if (len(orders), kept, lot["difference"]) != (STOCK, {"paid": STOCK}, 0):
        sys.exit(f"{len(orders)} orders, but the books have {lot}")
    print(f"{len(orders)} of {STOCK} items sold and paid, {refused} buyers were told that it is sold out; the books agree")


main(*sys.argv[1:3])
