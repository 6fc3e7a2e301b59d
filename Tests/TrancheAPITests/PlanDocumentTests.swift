import Testing
import TrancheAPI
import TrancheCore

@Suite("The file of a plan") struct PlanDocumentTests {
    private func document(
        stock: Int = 5_000, buyers: Int = 12_000, shares: String = "", region: String = "us-east"
    ) throws -> PlanDocument {
        let text = """
            {
              "sale": {
                "id": "drop", "name": "drop", "state": "draft", "startsAtMilliseconds": 1, "endsAtMilliseconds": 2,
                "paymentWindowMilliseconds": 60000,
                "lots": [
                  {"id": 1, "name": "one", "stock": \(stock), "perBuyerLimit": 2, "poolPermille": 0,
                   "contest": {"when": "share", "permille": 100, "waitlist": 7}, "line": "lottery"},
                  {"id": 2, "name": "two", "stock": 10, "perBuyerLimit": 1, "poolPermille": 50}
                ]
              },
              "crowd": {"buyers": \(buyers), "arrivals": [{"milliseconds": 20000, "share": 1}]\(shares)},
              "regions": [{"name": "\(region)", "share": 1, "oneWayMilliseconds": 5}],
              "unitCapacity": 30000
            }
            """
        return try JSON.decode(PlanDocument.self, from: Array(text.utf8))
    }

    private func refusal(_ document: PlanDocument) -> Problem? {
        do throws(Problem) {
            _ = try document.question()
            return nil
        } catch { return error }
    }

    @Test("a sale's document, a crowd and regions become a question") func question() throws {
        let question = try self.document().question()
        #expect(question.buyers == 12_000 && question.quantity == 1 && question.capacity == 30_000)
        #expect(question.paymentWindowMilliseconds == 60_000)
        #expect(question.lots.map(\.share) == [1, 1])
        #expect(question.lots[0].start == .atShare(permille: 100) && question.lots[0].terms.waitlist == 7)
        #expect(question.lots[0].line == .lottery && question.lots[0].buyerLimit == 2)
        #expect(question.lots[1].line == .open && question.lots[1].poolPermille == 50)
        let shared = try self.document(shares: #", "lotShares": {"1": 3}"#).question()
        #expect(shared.lots.map(\.share) == [3, 0])
    }

    @Test("a bad sale is refused as the center would, and the rest by name") func refusals() throws {
        let sale = self.refusal(try self.document(stock: 0))
        #expect(sale?.code == "invalid_config")
        let crowd = self.refusal(try self.document(buyers: 0))
        #expect(crowd?.code == "invalid_plan" && crowd?.detail == "crowd.buyers 0 is not in 1...1000000000")
        let lot = self.refusal(try self.document(shares: #", "lotShares": {"9": 3}"#))
        #expect(lot?.detail == "crowd.lotShares: the sale has no lot 9")
        #expect(self.refusal(try self.document(region: ""))?.code == "invalid_plan")
        #expect(throws: Problem.self) { try JSON.decode(PlanDocument.self, from: Array("{}".utf8)) }
    }
}
