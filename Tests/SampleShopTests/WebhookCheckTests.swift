import Foundation
import SampleShop
import Testing
import TrancheAPI

/// What the shop believes of a request.
@Suite("The shop's check of webhooks") struct WebhookCheckTests {
    private static let secret = "whsec_" + Data((1...32).map { UInt8($0) }).base64EncodedString()
    private static let seconds: Int64 = 1_700_000_000
    private static let body = Array("{\"a\":1}".utf8)

    private static func sign(_ secrets: [String], id: String = "1:1:5:0", _ body: [UInt8] = Self.body) throws -> String
    {
        try #require(WebhookSignature(secrets: secrets)).sign(id: id, seconds: Self.seconds, body)
    }

    private static func detail(
        id: String? = "1:1:5:0", timestamp: String? = "1700000000", signature: String?, _ body: [UInt8] = Self.body,
        now: Int64 = Self.seconds, secrets: [String] = [Self.secret]
    ) throws -> String? {
        let check = try #require(WebhookCheck(secrets: secrets))
        do throws(Problem) {
            try check.check(id: id, timestamp: timestamp, signature: signature, body, now: now)
            return nil
        } catch {
            #expect((error.status, error.code) == (401, "bad_signature"))
            return error.detail
        }
    }

    @Test("the example of the specification's own libraries is genuine") func exampleIsGenuine() throws {
        let check = try #require(WebhookCheck(secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]))
        try check.check(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330",
            signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Array("{\"test\": 2432232314}".utf8),
            now: 1_614_265_330)
    }

    @Test("a webhook counts for 300 s before and after its time") func timesHaveALimit() throws {
        let signature = try Self.sign([Self.secret])
        for away in [-300, 0, 300] as [Int64] {
            #expect(try Self.detail(signature: signature, now: Self.seconds + away) == nil)
        }
        for away in [-301, 301] as [Int64] {
            let detail = try Self.detail(signature: signature, now: Self.seconds + away)
            #expect(detail?.contains("more than 300 s away") == true, "\(away)")
        }
        let farthest = try Self.detail(timestamp: "\(Int64.min)", signature: signature)
        #expect(farthest?.contains("more than 300 s away") == true)
    }

    @Test("another body, id, time or secret is not genuine, and neither is a text that is no signature")
    func othersAreRefused() throws {
        let signature = try Self.sign([Self.secret])
        let other = "whsec_" + Data(repeating: 9, count: 32).base64EncodedString()
        #expect(try Self.detail(signature: signature, Array("{\"a\":2}".utf8)) != nil)
        #expect(try Self.detail(id: "1:1:6:0", signature: signature) != nil)
        #expect(try Self.detail(timestamp: "1700000001", signature: signature) != nil)
        #expect(try Self.detail(signature: signature, secrets: [other]) != nil)
        for text in ["", "v1,", "v1,AAAA", "v2" + signature.dropFirst(2), "v1,!!!!", " "] {
            #expect(try Self.detail(signature: text) != nil, "\(text)")
        }
        for missing in [
            try Self.detail(id: nil, signature: signature), try Self.detail(timestamp: nil, signature: signature),
            try Self.detail(signature: nil),
        ] { #expect(missing?.contains("are required") == true) }
        #expect(try Self.detail(timestamp: "soon", signature: signature)?.contains("not a number") == true)
    }

    @Test("while the secret is replaced, a signature by either of two counts") func eitherSecretCounts() throws {
        let new = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()
        let both = try Self.sign([new, Self.secret])
        #expect(try Self.detail(signature: both, secrets: [Self.secret]) == nil)
        #expect(try Self.detail(signature: both, secrets: [new]) == nil)
        #expect(try Self.detail(signature: Self.sign([Self.secret]), secrets: [new, Self.secret]) == nil)
        // A forger's eight signatures in front: the rest is not read.
        let crowd = Array(repeating: "v1,AAAA", count: WebhookCheck.signaturesLimit).joined(separator: " ")
        #expect(try Self.detail(signature: crowd + " " + Self.sign([Self.secret])) != nil)
    }

    @Test(
        "a secret must be whsec_ and the base64 of 24 bytes at least",
        arguments: [[], ["plain"], ["whsec_"], ["whsec_!!!!"], ["whsec_AAAA"]])
    func secretsHaveAForm(secrets: [String]) { #expect(WebhookCheck(secrets: secrets) == nil) }
}
