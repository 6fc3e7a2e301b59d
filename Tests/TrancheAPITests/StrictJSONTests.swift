import Testing
import TrancheAPI
import TrancheCore

/// A text that Foundation's decoder would accept, and RFC 8259 does not allow, is refused like any other invalid text.
@Suite("Strict JSON") struct StrictJSONTests {
    private func reason(_ bytes: [UInt8]) -> String? {
        do {
            _ = try JSON.decode(Anything.self, from: bytes)
            return nil
        } catch {
            #expect(error.code == "invalid_json")
            #expect(error.status == 400)
            return error.detail
        }
    }

    private func reason(_ text: String) -> String? { self.reason(Array(text.utf8)) }

    /// Takes every document: what is refused is refused by the grammar.
    private struct Anything: Decodable { init(from decoder: any Decoder) {} }

    @Test(
        "a document that follows the grammar is read",
        arguments: [
            "{}", "[]", "0", "-0", "-0.5e-7", "1E+2", "\"\"", "true", "false", "null",
            " \t\r\n[ 1 , { \"a\" : [ ] } ] ",
            #""\"\\\/\b\f\n\r\t\u00e9""#, #""\ud83d\ude00""#, "\"\u{7FF}\u{FFFF}\u{10FFFF}\u{7F}\"",
            #"{"a":1,"a":2}"#,
        ])
    func grammaticalDocumentIsRead(text: String) { #expect(self.reason(text) == nil) }

    @Test(
        "a text that is not JSON is refused, with the offset of the error",
        arguments: [
            (#"{"quantity":1,}"#, "byte 14: expected a name in quotes"), ("[1,]", "byte 3: expected a value"),
            ("[,1]", "byte 1: expected a value"), ("{,}", "byte 1: expected a name in quotes"),
            ("[1 2]", "byte 3: expected a comma or the end of the list"),
            (#"{"a":1 "b":2}"#, "byte 7: expected a comma or the end of the object"),
            (#"{"a" 1}"#, "byte 5: expected a colon"), ("{a:1}", "byte 1: expected a name in quotes"),
            ("{1:1}", "byte 1: expected a name in quotes"), ("{'a':1}", "byte 1: expected a name in quotes"),
            ("[1}", "byte 2: expected a comma or the end of the list"),
            ("01", "byte 1: a number has a leading zero"), ("-01", "byte 2: a number has a leading zero"),
            ("+1", "byte 0: expected a value"), (".5", "byte 0: expected a value"), ("1.", "byte 2: expected a digit"),
            ("1e", "byte 2: expected a digit"), ("-", "byte 1: expected a digit"),
            ("0x10", "byte 1: something follows"),
            ("NaN", "byte 0: expected a value"), ("Infinity", "byte 0: expected a value"),
            ("-Infinity", "byte 1: expected a digit"), ("nul", "byte 0: expected a value"),
            ("True", "byte 0: expected a value"), ("[1]// x", "byte 3: something follows"),
            ("/* x */ 1", "byte 0: expected a value"), ("{}{}", "byte 2: something follows"),
            ("1 2", "byte 2: something follows"), ("[1]\u{0}", "byte 3: something follows"),
            ("\u{FEFF}{}", "byte 0: a byte order mark"), ("", "byte 0: it is empty"),
            ("  ", "byte 2: it ends too early"),
            ("[", "byte 1: it ends too early"), (#"{"a":"#, "byte 5: it ends too early"),
            (#""abc"#, "byte 4: a string does not end"), ("\"a\nb\"", "byte 2: a string contains a control character"),
            ("\u{A0}1", "byte 0: expected a value"),
        ])
    func otherTextIsRefusedWithPlace(text: String, expected: String) throws {
        #expect(try #require(self.reason(text)).hasPrefix(expected), "\(text)")
    }

    @Test(
        "escapes without a character are refused",
        arguments: [
            (#""\ud800""#, "byte 1: half of a surrogate pair"), (#""\udc00""#, "byte 1: half of a surrogate pair"),
            (#""\ud800x""#, "byte 1: half of a surrogate pair"), (#""\ud800\n""#, "byte 1: half of a surrogate pair"),
            (#""\ud800\ud800""#, "byte 1: half of a surrogate pair"), (#""\x41""#, "byte 2: an unknown escape"),
            (#""\'""#, "byte 2: an unknown escape"), (#""\u12g4""#, "byte 5: expected a hexadecimal digit"),
            (#""\u12"#, "byte 5: expected a hexadecimal digit"), (#""\"#, "byte 2: an unknown escape"),
        ])
    func meaninglessEscapesAreRefused(text: String, expected: String) {
        #expect(self.reason(text) == expected, "\(text)")
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82],
            [0xE2, 0x82, 0x28],
            [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF0, 0x9F, 0x98, 0x28],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func invalidUTF8IsRefused(bytes: [UInt8]) {
        #expect(self.reason([34] + bytes + [34]) == "byte 1: it is not UTF-8")
        #expect(self.reason([34] + bytes) == "byte 1: it is not UTF-8", "cut off behind it")
    }

    @Test("64 levels are read, 65 are refused, and a million is refused without harm") func depthIsLimited() {
        func nested(_ count: Int) -> String {
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect(self.reason(nested(64)) == nil)
        #expect(self.reason(nested(65)) == "byte 64: it is nested deeper than 64")
        #expect(self.reason(nested(1_000_000)) == "byte 64: it is nested deeper than 64")
        // Both kinds of level, each closed by its own end.
        let mixed = String(repeating: "{\"a\":[", count: 32)
        #expect(self.reason(mixed + String(repeating: "]}", count: 32)) == nil)
        #expect(self.reason(mixed + String(repeating: "}]", count: 32)) != nil)
    }

    @Test("documents that the encoder writes are read") func ownDocumentsAreRead() throws {
        let text = "a\"\\/\u{1}\u{1F}\u{7F}é\u{2028}😀"
        #expect(try JSON.decode([String].self, from: JSON.encode([text])) == [text])
        #expect(try JSON.decode([String].self, from: JSON.encode([text], pretty: true)) == [text])
        #expect(try JSON.decode(BuyBody.self, from: Array(#"{"quantity":2}"#.utf8)).quantity == 2)
        #expect(throws: Problem.self) { try JSON.decode(BuyBody.self, from: Array(#"{"quantity":2,}"#.utf8)) }
    }
}
