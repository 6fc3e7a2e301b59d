import Crypto
import DaemonSupport
import Lanes
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// `status.json` of each sale, made ten times a second for everybody: an answer is a copy of bytes.
final class StatusPages: Sendable {
    struct Page: Sendable {
        let body: [UInt8]
        /// Changes with everything but the time.
        let tag: [UInt8]
        let full: [UInt8]
        let notModified: [UInt8]
    }
    static let refreshMilliseconds = 100

    private let pages = NIOLockedValueBox<[String: Page]>([:])
    private let house: Gatehouse

    init(_ house: Gatehouse) { self.house = house }

    func page(_ sale: String) -> Page? { self.pages.withLockedValue { $0[sale] } }

    func write(_ sale: String, ifNoneMatch: UnsafeRawBufferPointer, into answer: inout AnswerBytes) {
        guard let page = self.page(sale) else { return answer.encode(Self.unknown(sale)) }
        answer.reuse(!ifNoneMatch.isEmpty && ifNoneMatch.elementsEqual(page.tag) ? page.notModified : page.full)
    }

    static func unknown(_ sale: String) -> Problem {
        Problem(status: 404, code: "unknown_sale", detail: "no sale \"\(sale.prefix(64))\" is announced here")
    }

    /// Makes all pages anew.
    func refresh() {
        let now = SystemClock.now()
        let setting = self.house.setting.withLockedValue { $0 }
        let lots = self.house.machine.withLockedValue { machine in
            machine.complete(until: now)
            return machine.lots
        }
        var next: [String: Page] = [:]
        for sale in setting.config.sales where sale.lots.contains(where: { lots[$0.id] != nil }) {
            next[sale.id] = Self.page(self.document(sale, setting, lots, now: now))
        }
        self.pages.withLockedValue { $0 = next }
    }

    /// Refreshes until shutdown.
    func run() async {
        while !Task.isCancelled {
            self.refresh()
            try? await Task.sleep(for: .milliseconds(Self.refreshMilliseconds))
        }
    }

    private func document(
        _ sale: SaleConfig.Sale, _ setting: Gatehouse.Setting, _ lots: [LotID: GateLot], now: Instant
    ) -> StatusDocument {
        let terms = sale.gateTerms
        let phase = sale.lots.lazy.compactMap { lots[$0.id] }.first?.phase(at: now) ?? .waiting
        let isOpen = phase == .open
        let opensAt = Instant(milliseconds: sale.startsAtMilliseconds)
        // A gate whose clock is a little ahead must not publish the seed while another one still draws.
        let isDrawn = phase != .waiting && now.milliseconds(since: opensAt) >= Self.seedDelayMilliseconds
        let draw =
            sale.isDrawn
            ? sale.drawHash.map {
                StatusDocument.Draw(hash: $0, seed: isDrawn ? sale.drawSeed ?? setting.seeds[sale.id]?.text : nil)
            } : nil
        let units = setting.config.sellers(in: sale).compactMap { setting.config.unit($0)?.publicURL }.sorted()
        return StatusDocument(
            sale: sale.id, name: sale.name, phase: .init(rawValue: phase.rawValue) ?? .waiting, now: now,
            opensAt: opensAt, closesAt: Instant(milliseconds: sale.endsAtMilliseconds), delay: terms.delayMilliseconds,
            draw: draw,
            lots: sale.lots.compactMap { lot in lots[lot.id].map { Self.lot(lot, $0, terms, isOpen: isOpen) } },
            units: isOpen ? units : nil, identity: self.house.isDev ? .dev : .shop, challenge: terms.challenge)
    }

    private static let seedDelayMilliseconds: Int64 = 2_000

    private static func lot(
        _ lot: SaleConfig.Lot, _ state: GateLot, _ terms: GateTerms, isOpen: Bool
    ) -> StatusDocument.Lot {
        let line = terms.switches.hasEstimates ? state.line : nil
        return StatusDocument.Lot(
            id: lot.id, name: lot.name, band: state.band, policy: lot.policy,
            threshold: isOpen ? state.threshold.rank : .nobody, buyerLimit: lot.perBuyerLimit, entered: line?.entered,
            admitted: line?.admitted, perMinute: line?.perMinute, order: isOpen ? "/v1/lots/\(lot.id)/orders" : nil)
    }

    private static func page(_ document: StatusDocument) -> Page {
        var body: [UInt8] = []
        document.write(into: &body)
        // `now` is the last member: the tag covers what is before it.
        let end = body.lastIndex(of: UInt8(ascii: ",")) ?? body.count
        let digest = Hex.text(SHA256.hash(data: body[..<end]).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
        let tag = Array("\"\(digest)\"".utf8)
        let fields =
            "Cache-Control: public, max-age=1\r\nAccess-Control-Allow-Origin: *\r\nETag: "
            + String(decoding: tag, as: UTF8.self) + "\r\n"
        var full = Array("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(fields)".utf8)
        full += Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
        let notModified = Array("HTTP/1.1 304 Not Modified\r\n\(fields)\r\n".utf8)
        return Page(body: body, tag: tag, full: full, notModified: notModified)
    }
}
