import Testing
import TrancheCore

@Suite("Refused plans") struct PlanErrorTests {
    private func refusal(
        buyers: Int = 100, quantity: Int = 1, spans: [PlanQuestion.Span] = DemoCrowd.spans,
        regions: [PlanQuestion.Region] = DemoCrowd.regions, lots: [PlanQuestion.Lot] = [DemoCrowd.lot()],
        capacity: Int? = nil
    ) -> String? {
        do throws(PlanError) {
            _ = try SalePlan(
                PlanQuestion(
                    buyers: buyers, quantity: quantity, spans: spans, regions: regions, lots: lots, capacity: capacity))
            return nil
        } catch { return error.description }
    }

    private func region(_ name: String, share: Int = 1, oneWay: Int = 1, units: Int? = nil) -> PlanQuestion.Region {
        .init(name: name, share: share, oneWayMilliseconds: oneWay, units: units)
    }

    @Test("numbers of the crowd have limits, and the refusal names the value") func crowd() {
        #expect(self.refusal() == nil)
        #expect(self.refusal(buyers: 0) == "crowd.buyers 0 is not in 1...1000000000")
        #expect(self.refusal(buyers: 1_000_000_001) == "crowd.buyers 1000000001 is not in 1...1000000000")
        #expect(self.refusal(quantity: 0) == "crowd.quantity 0 is not in 1...1000")
        #expect(self.refusal(quantity: 2) == "crowd.quantity 2 is more than perBuyerLimit 1 of lot 1")
        #expect(self.refusal(capacity: 0) == "unitCapacity 0 is not in 1...10000000")
        #expect(self.refusal(spans: []) == "there are no spans of arrivals, at least 1")
        let span = PlanQuestion.Span(milliseconds: 1, share: 1)
        #expect(
            self.refusal(spans: Array(repeating: span, count: 1_001)) == "1001 spans of arrivals, at most 1000")
        #expect(
            self.refusal(spans: [span, .init(milliseconds: 0, share: 1)])
                == "crowd.arrivals[1].milliseconds 0 is not in 1...86400000")
        #expect(
            self.refusal(spans: [.init(milliseconds: 1, share: -1)])
                == "crowd.arrivals[0].share -1 is not in 0...1000000")
        #expect(
            self.refusal(spans: [.init(milliseconds: 1, share: 0)])
                == "the shares of all spans of arrivals are 0, at least one must be more")
    }

    @Test("regions have names, shares, delays and units within limits") func regions() {
        #expect(self.refusal(regions: []) == "there are no regions, at least 1")
        #expect(
            self.refusal(regions: (0...1_024).map { self.region("r\($0)") }) == "1025 regions, at most 1024")
        #expect(
            self.refusal(regions: [self.region("")])
                == "the region's name \"\" has 0 bytes, but must have 1...64")
        let long = String(repeating: "x", count: 65)
        #expect(
            self.refusal(regions: [self.region(long)])
                == "the region's name \"\(long)\" has 65 bytes, but must have 1...64")
        #expect(self.refusal(regions: [self.region("a"), self.region("a")]) == "there are two regions \"a\"")
        #expect(
            self.refusal(regions: [self.region("a", share: 1_000_001)])
                == "region a: share 1000001 is not in 0...1000000")
        #expect(
            self.refusal(regions: [self.region("a", share: 0)])
                == "the shares of all regions are 0, at least one must be more")
        #expect(
            self.refusal(regions: [self.region("a", oneWay: 60_001)])
                == "region a: oneWayMilliseconds 60001 is not in 0...60000")
        #expect(self.refusal(regions: [self.region("a", units: 0)]) == "region a: units 0 is not in 1...1024")
        #expect(
            self.refusal(regions: [self.region("a", units: 1_024), self.region("b", units: 1)])
                == "the plan needs 1025 units, at most 1024: "
                + "expect fewer buyers at a time, or rehearse larger units")
    }

    @Test("a region that is named as another region's unit is refused") func names() {
        let two = [self.region("eu", units: 2), self.region("eu-1", units: 1)]
        #expect(self.refusal(regions: two) == "the plan would have two units \"eu-1\": give a region another name")
        #expect(self.refusal(regions: [self.region("eu", units: 1), self.region("eu-1", units: 1)]) == nil)
        #expect(self.refusal(regions: [self.region("eu", units: 2), self.region("eu-1", units: 2)]) == nil)
    }

    @Test("too large a crowd for any number of units is refused, and not computed") func units() {
        // 80 of 100 of 10^9 in a millisecond, at three quarters of a request a second.
        let text = self.refusal(
            buyers: 1_000_000_000, spans: [.init(milliseconds: 1, share: 1)], capacity: 1)
        #expect(text?.hasPrefix("the plan needs 1333333333334 units, at most 1024") == true, "\(text ?? "none")")
    }

    @Test("a question whose counts make too much work together is refused") func work() {
        func lots(_ count: Int) -> [PlanQuestion.Lot] {
            (1...count).map { .init(id: LotID(UInt32($0)), stock: 1) }
        }
        let spans = Array(repeating: PlanQuestion.Span(milliseconds: 1, share: 1), count: 1_000)
        #expect(
            self.refusal(spans: spans, regions: (1...40).map { self.region("r\($0)") }, lots: lots(26))
                == "1000 spans of arrivals x 40 regions x 26 lots are 1040000 together, at most 1000000: "
                + "ask about fewer of one at a time")
        #expect(
            self.refusal(regions: [self.region("a", units: 1_001)], lots: lots(1_000))
                == "1001 units x 1000 lots are 1001000 together, at most 1000000: ask about fewer of one at a time")
        #expect(self.refusal(regions: [self.region("a", units: 10)], lots: lots(1_000)) == nil)
    }

    @Test("lots have stock, limits and quotas that fit the plan's units") func lots() {
        func lot(
            stock: Int = 10, limit: Int = 1, pool: Int = 0, share: Int = 1, weights: [String: Int]? = nil,
            fixed: [String: Int]? = nil
        ) -> [PlanQuestion.Lot] {
            [
                .init(
                    id: LotID(7), stock: stock, buyerLimit: limit, poolPermille: pool, weights: weights, fixed: fixed,
                    share: share)
            ]
        }
        #expect(self.refusal(lots: []) == "there are no lots, at least 1")
        #expect(self.refusal(lots: lot(stock: 0)) == "lot 7: stock 0 is not in 1...1000000000")
        #expect(self.refusal(lots: lot(limit: 1_001)) == "lot 7: perBuyerLimit 1001 is not in 1...1000")
        #expect(self.refusal(lots: lot(pool: 1_001)) == "lot 7: poolPermille 1001 is not in 0...1000")
        #expect(self.refusal(lots: lot(share: -1)) == "lot 7: share -1 is not in 0...1000000")
        #expect(
            self.refusal(lots: lot(share: 0)) == "the shares of all lots are 0, at least one must be more")
        #expect(
            self.refusal(lots: lot(weights: ["mars": 1]))
                == "lot 7: the plan has no unit \"mars\", but us-east, eu-west, ap-south")
        #expect(
            self.refusal(lots: lot(weights: ["us-east": -1]))
                == "lot 7: quota of us-east -1 is not in 0...1000000000")
        #expect(
            self.refusal(lots: lot(fixed: ["us-east": 11]))
                == "lot 7: the fixed quotas add up to 11, but the stock is 10")
        #expect(PlanError.unknownLot("9").description == "crowd.lotShares: the sale has no lot 9")
    }
}
