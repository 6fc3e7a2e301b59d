import Foundation
import Testing
import TrancheAPI
import TrancheCore

@Suite("Requests for tokens") struct GateBodyTests {
    static let answer: WorkAnswer = {
        var random = TestRandom(1)
        let challenge = ChallengeCodec(GateSample.keys).make(
            session: 1, lot: LotID(7), work: ChallengeWork(cost: 1), now: GateSample.now, using: &random)
        return ChallengeSolver.solve(challenge)!
    }()

    static func isPlain(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { TokenBody.plain($0) != nil }
    }

    @Test("a body with a ticket and a solution is read without the ordinary decoder") func plainBodyIsRead() throws {
        let body = TokenBody(ticket: "abc", solution: Self.answer)
        let text = String(decoding: JSON.encode(body), as: UTF8.self)
        #expect(Self.isPlain(text))
        #expect(try TokenBody.read(Array(text.utf8)) == body)
        let pretty = JSON.encode(body, pretty: true)
        #expect(try TokenBody.read(pretty) == body)
        #expect(try TokenBody.read([]) == TokenBody())
        #expect(try TokenBody.read(Array("{}".utf8)) == TokenBody())
    }

    @Test("a solution as base64 is the same solution") func base64SolutionIsRead() throws {
        let base64 = Data(JSON.encode(Self.answer)).base64EncodedString()
        for text in [#"{"solution":"\#(base64)"}"#, #"{"solution":"\#(base64.replacing("/", with: "\\/"))"}"#] {
            #expect(try TokenBody.read(Array(text.utf8)).solution == Self.answer)
        }
    }

    @Test("a solution in another order of names, with the time of the work, or with escapes is the same solution")
    func unusualSolutionIsRead() throws {
        let text = String(decoding: JSON.encode(Self.answer), as: UTF8.self)
        let counter = Self.answer.solution.counter
        for changed in [
            text.replacing("\"counter\":\(counter)", with: "\"time\":12.5,\"counter\":\(counter)"),
            text.replacing("PBKDF2/SHA-256", with: "PBKDF2\\/SHA-256"), text.replacing("salt", with: "s\\u0061lt"),
            "{\"solution\":{\"derivedKey\":\"\(Self.answer.solution.derivedKey)\",\"counter\":\(counter)},"
                + "\"challenge\":\(String(decoding: JSON.encode(Self.answer.challenge), as: UTF8.self))}",
        ] {
            #expect(changed != text)
            #expect(try TokenBody.read(Array("{\"solution\":\(changed)}".utf8)).solution == Self.answer)
        }
    }

    @Test(
        "what the quick reader accepts means the same to the ordinary decoder",
        arguments: [
            #"{"ticket":"a"}"#, #" { "ticket" : "a" } "#, #"{"ticket":""}"#, #"{"ticket":"a","ticket":"b"}"#,
            #"{"ticket":null}"#, #"{"ticket":1}"#, #"{"ticket":"a",}"#, #"{,"ticket":"a"}"#, #"{"ticket":"a"}x"#,
            #"{"ticket":"a""#, #"{"ticket""#, "[]", "null", #""a""#, #"{"ticket":"a\n"}"#, "{\"ticket\":\"a\nb\"}",
            #"{"ticket":"Zoë"}"#, #"{"Ticket":"a"}"#, #"{"other":1}"#, #"{"solution":{}}"#, #"{"solution":"x"}"#,
            #"{"solution":{"solution":{"counter":01,"derivedKey":""}}}"#, "\u{FEFF}{}", #"{"ticket":"a"} "#,
        ])
    func readersAgree(text: String) {
        let bytes = Array(text.utf8)
        let quick = bytes.withUnsafeBytes { TokenBody.plain($0) }
        let ordinary = try? JSON.decode(TokenBody.self, from: bytes)
        if let quick { #expect(quick == ordinary) }
    }

    @Test("each shorter text of a body is refused") func shorterBodyIsRefused() {
        let bytes = JSON.encode(TokenBody(ticket: "abc", solution: Self.answer))
        for count in 1..<bytes.count {
            #expect(throws: Problem.self) { _ = try TokenBody.read(Array(bytes[..<count])) }
        }
    }

    @Test("numbers that are not plain are left to the ordinary decoder")
    func plainNumbers() {
        for (text, value) in [
            ("0,", 0), ("7,", 7), ("123456789012345678,", 123_456_789_012_345_678), ("1234567890123456789,", nil),
            ("01,", nil), ("-1,", nil), ("1.0,", nil), ("1e3,", nil), (",", nil), ("1", nil),
        ] as [(String, Int64?)] {
            let read = Array(text.utf8).withUnsafeBytes { bytes in
                var reader = PlainJSON(bytes)
                return reader.number()
            }
            #expect(read == value, "\(text)")
        }
    }

    @Test("long bodies and solutions are refused, and the refusal names the limit") func longBodyIsRefused() {
        let long = #"{"ticket":"\#(String(repeating: "a", count: TokenBody.byteLimit))"}"#
        let problem = #expect(throws: Problem.self) { _ = try TokenBody.read(Array(long.utf8)) }
        #expect(problem?.code == "too_large" && problem?.detail.contains("8192") == true)
        let solution = #"{"solution":"\#(String(repeating: "A", count: 6_000))"}"#
        let refusal = #expect(throws: Problem.self) { _ = try TokenBody.read(Array(solution.utf8)) }
        #expect(refusal?.detail.contains("4096") == true, "\(refusal?.detail ?? "")")
    }

    @Test("a solution is not read from a text within a text") func nestedTextIsRefused() {
        let once = Data(JSON.encode(Self.answer)).base64EncodedString()
        let twice = Data("\"\(once)\"".utf8).base64EncodedString()
        for text in [twice, "not base64!", Data("{}".utf8).base64EncodedString()] {
            #expect(throws: Problem.self) { _ = try TokenBody.read(Array(#"{"solution":"\#(text)"}"#.utf8)) }
        }
    }
}
