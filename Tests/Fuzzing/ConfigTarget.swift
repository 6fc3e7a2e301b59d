import TrancheAPI
import TrancheCore

/// Configuration documents: what an operator sends, what the center pushes, what a unit keeps in a file.
enum ConfigTarget {
    static func run(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch kind % 3 {
        case 0: self.judge(try? JSON.decode(SaleConfig.self, from: rest))
        case 1:
            let push = ConfigPush(version: 1, epoch: Epoch(1), content: String(decoding: rest, as: UTF8.self))
            self.judge(try? push.validated())
        default:
            self.judge(try? (try? JSON.decode(ConfigPush.self, from: rest))?.validated())
            if let sale = try? JSON.decode(SaleConfig.Sale.self, from: rest) { self.judge(SaleConfig(sales: [sale])) }
        }
    }

    private static func judge(_ config: SaleConfig?) {
        guard let config, (try? config.validate()) != nil else { return }
        // What is valid can be used, and survives a copy.
        for rules in config.rules { _ = rules.closedReason(now: TokenTarget.now, uncertaintyMicroseconds: 500) }
        for sale in config.sales {
            for lot in sale.lots {
                _ = lot.contestTerms
                _ = lot.contestStart
                _ = config.sale(of: lot.id)
            }
        }
        let copy = try? JSON.decode(SaleConfig.self, from: JSON.encode(config))
        precondition(copy == config, "a copy of the configuration differs")
    }

    static var seeds: [[UInt8]] {
        let config = SaleConfig(
            units: [
                .init(
                    id: UnitID(1), name: "us-east", region: "us-east", publicURL: "http://127.0.0.1:1",
                    internalURL: "http://127.0.0.1:2")
            ],
            sales: [
                .init(
                    id: "drop", name: "drop", state: .open, startsAtMilliseconds: 1_700_000_000_000,
                    endsAtMilliseconds: 1_700_003_600_000, paymentWindowMilliseconds: 60_000,
                    lots: [
                        .init(
                            id: LotID(1), name: "shoe", stock: 100, perBuyerLimit: 2, poolPermille: 500,
                            weights: ["us-east": 3], fixed: ["us-east": 5],
                            contest: .init(when: .share, permille: 100, policy: .rounds, milliseconds: 50, waitlist: 10)
                        )
                    ])
            ])
        let text = JSON.encode(config)
        let push = ConfigPush(version: 3, epoch: Epoch(2), content: String(decoding: text, as: UTF8.self))
        return [[0] + text, [1] + text, [2] + JSON.encode(push), [2] + JSON.encode(config.sales[0])]
    }
}
