package import DaemonSupport
import Edge
import Foundation
import Hummingbird
import Logging
import TrancheAPI

/// A small shop that sells through Tranche, for engineers of real ones to read: it signs buyers in, hears of its orders by
/// webhooks, and keeps a book of its own.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `shop.port` | where it listens, on 127.0.0.1 only: everybody can sign in under any name | required |
/// | `data.folder` | the folder of `book.sqlite` | required |
///
/// Secrets come from the environment only: `TRANCHE_OUTBOX_SHOP_SECRET`, as at the units (one, or two while it is replaced,
/// without times); `TRANCHE_SAMPLE_SHOP_SECRET`, with which the book is read; `TRANCHE_SAMPLE_SHOP_KEY`, which signs
/// buyers in.
package enum ShopDaemon {
    static let host = "127.0.0.1"
    static let connectionsLimit = 512

    /// Runs until SIGTERM or SIGINT.
    package static func run(_ values: DaemonConfiguration) async throws {
        let port = try values.number("shop.port", in: 1...65_535)
        let folder = try values.string("data.folder")
        guard let check = WebhookCheck(secrets: try values.secrets("tranche.outbox.shop.secret")) else {
            throw StartError("TRANCHE_OUTBOX_SHOP_SECRET must be \(WebhookSignature.rule)")
        }
        let staffSecret = try values.secret("tranche.sample.shop.secret")
        let identity = ShopIdentity(secret: try values.secret("tranche.sample.shop.key"))
        let logger = Daemon.logger("tranche-sample-shop")
        try PortCheck.check("shop.port", host: self.host, port: port)
        let book = try ShopBook(folder: folder)
        let telemetry = Telemetry()
        let routes = ShopRoutes(
            check: check, book: book, identity: identity, staffSecret: staffSecret, telemetry: telemetry)
        let router = DaemonRouter.make(for: .inner, logger: logger, telemetry: telemetry, routes.add)
        let application = EdgeServer.application(
            router: router, host: self.host, port: port,
            limits: EdgeLimits(
                connections: self.connectionsLimit, connectionsPerAddress: self.connectionsLimit,
                bodyBytes: ShopEvent.bodyBytes),
            logger: logger)
        logger.info("starting", metadata: ["hook": "http://\(self.host):\(port)/hooks/tranche"])
        try await Daemon.run(
            [Vitals("tranche-sample-shop", telemetry: telemetry), application], logger: logger)
    }
}
