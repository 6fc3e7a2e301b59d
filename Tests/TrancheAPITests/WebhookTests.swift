import Foundation
import Testing
import TrancheAPI
import TrancheCore

@Suite("Webhooks") struct WebhookTests {
    private static let secrets = [1, 2].map { (byte: UInt8) in
        "whsec_" + Data(repeating: byte, count: 24).base64EncodedString()
    }
    private let now = Instant(milliseconds: 1_700_000_000_000)

    @Test("a signature is the one of the Standard Webhooks specification") func signatureIsStandard() {
        // The example of the specification's own libraries.
        let signature = WebhookSignature(secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
        let header = signature?.sign(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330, Array("{\"test\": 2432232314}".utf8))
        #expect(header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("both secrets of a rotation sign, and either receiver accepts") func rotation() throws {
        let both = try #require(WebhookSignature(secrets: Self.secrets))
        let body = Array("{}".utf8)
        let header = both.sign(id: "1:1:5:0", seconds: 1_700_000_000, body)
        #expect(header.split(separator: " ").count == 2)
        for secret in Self.secrets {
            let receiver = try #require(WebhookSignature(secrets: [secret]))
            func isValid(_ header: String, id: String = "1:1:5:0", seconds: Int64 = 1_700_000_000, _ body: [UInt8])
                -> Bool
            { receiver.isValid(header, id: id, seconds: seconds, body, now: self.now) }
            #expect(isValid(header, body))
            #expect(!isValid(header, id: "1:1:6:0", body))
            #expect(!isValid(header, seconds: 1_700_000_001, body))
            #expect(!isValid(header, Array("{ }".utf8)))
            #expect(!isValid("v1,AAAA", body))
            let old = both.sign(id: "1:1:5:0", seconds: 1_600_000_000, body)
            #expect(!isValid(old, seconds: 1_600_000_000, body), "a webhook of years ago is a replay")
        }
    }

    @Test(
        "secrets that break the rule are refused",
        arguments: [
            [], ["plain"], ["whsec_"], ["whsec_!!!!"], ["whsec_AAAA"], Self.secrets + ["whsec_AAAA"],
            ["whsec_" + Data(repeating: 1, count: 65).base64EncodedString()],
        ]) func badSecrets(_ secrets: [String])
    { #expect(WebhookSignature(secrets: secrets) == nil) }

    @Test("an event is a CloudEvent with its order, and the longest one is far below 20 KB") func bodies() throws {
        let order = Order(
            id: OrderID(high: .max, low: .max), buyer: BuyerID(String(repeating: "\"", count: 64))!,
            lot: LotID(.max), quantity: 1_000, buyerLimit: 1_000, generation: Generation(.max),
            stamp: Stamp(rawValue: .max), deadline: Instant(microseconds: .max - 1))
        let payment = PaymentID(String(repeating: "\\", count: 64))!
        for entry in [
            LedgerEntry.reserved(order), .confirmed(order, payment: payment), .released(order, state: .expired),
            .refundDue(order.id, payment: payment, reason: .orderOver),
        ] {
            for event in entry.events(at: Limits.position, generation: Generation(.max)) {
                let bytes = WebhookBody.json(event, unit: UnitID(.max))
                #expect(bytes.count < 1_024)
                #expect(bytes.count < WebhookBody.bytesLimit)
                let read = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
                #expect(read["specversion"] as? String == "1.0")
                #expect(read["id"] as? String == event.id(of: UnitID(.max)))
                #expect(read["type"] as? String == "tranche.order.\(event.kind.name)")
                #expect(read["subject"] as? String == "\(order.id)")
                #expect(read["source"] as? String == "/tranche/units/65535")
                let data = try #require(read["data"] as? [String: Any])
                #expect(data["order"] as? String == "\(order.id)")
                #expect(data["payment"] as? String == event.payment?.rawValue)
                #expect(data["buyer"] as? String == event.facts?.buyer.rawValue)
                #expect(data["state"] as? String == event.facts?.state.name)
            }
        }
    }
}
