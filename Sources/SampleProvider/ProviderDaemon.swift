package import DaemonSupport
import Edge
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import TrancheAPI
import TrancheCore

/// A small payment provider for demos and tests. It takes payments without money, tells units of them, answers their
/// questions, gives payments back, and is late, double, away or lying on request.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `provider.port` | where it listens, on 127.0.0.1 only | required |
/// | `provider.callbacks` | the units that are told of payments: `NAME=PUBLIC_URL,…` | none |
/// | `provider.faults` | the faults from the start, as JSON like the body of `PUT /faults` | the last ones of the book |
/// | `data.folder` | the folder of `provider.sqlite` | required |
///
/// Secrets come from files (`secrets.folder`) or from the environment: `TRANCHE_PROVIDER_SECRET`, which units show;
/// `TRANCHE_PAYMENT_SECRET`, which signs callbacks; `TRANCHE_SAMPLE_PROVIDER_CONTROL`, with which faults are asked for.
package enum ProviderDaemon {
    static let host = "127.0.0.1"
    static let connectionsLimit = 1_024
    static let receiversLimit = 64

    /// Runs until SIGTERM or SIGINT.
    package static func run(_ values: DaemonConfiguration) async throws {
        let port = try values.number("provider.port", in: 1...65_535)
        let folder = try values.string("data.folder")
        let receivers = try self.receivers(values.string("provider.callbacks", default: ""))
        let wanted = try self.faults(values.string("provider.faults", default: ""))
        let secret = try values.secret("tranche.provider.secret")
        let controlSecret = try values.secret("tranche.sample.provider.control")
        let signature = PaymentSignature(secrets: try values.secrets("tranche.payment.secret"))
        let logger = Daemon.logger("tranche-sample-provider")
        try PortCheck.check("provider.port", host: self.host, port: port)
        let book = try ProviderBook(folder: folder)
        if let wanted { try await book.keep(wanted) }
        let telemetry = Telemetry()
        let routes = ProviderRoutes(
            book: book, receivers: Set(receivers.keys), secret: secret, controlSecret: controlSecret,
            faults: try await book.faults(), telemetry: telemetry)
        let router = DaemonRouter.make(for: .inner, logger: logger, telemetry: telemetry, routes.add)
        let application = EdgeServer.application(
            router: router, host: self.host, port: port,
            limits: EdgeLimits(
                connections: self.connectionsLimit, connectionsPerAddress: self.connectionsLimit,
                bodyBytes: ProviderRoutes.bodyBytes),
            logger: logger)
        let callbacks = CallbackLoop(
            book: book, receivers: receivers, signature: signature, telemetry: telemetry, logger: logger)
        logger.info("starting", metadata: ["provider": "http://\(self.host):\(port)"])
        try await Daemon.run(
            [Vitals("tranche-sample-provider", telemetry: telemetry), callbacks, application], logger: logger)
    }

    /// - Throws: ``StartError`` that names the part which is not `NAME=PUBLIC_URL`.
    package static func receivers(_ text: String) throws(StartError) -> [String: String] {
        var receivers: [String: String] = [:]
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, pair[1].hasPrefix("http://") || pair[1].hasPrefix("https://") else {
                throw StartError("provider.callbacks: \"\(part.prefix(80))\" is not NAME=PUBLIC_URL")
            }
            receivers[pair[0]] = pair[1]
        }
        guard receivers.count <= self.receiversLimit else {
            throw StartError("provider.callbacks names \(receivers.count) units, at most \(self.receiversLimit)")
        }
        return receivers
    }

    private static func faults(_ text: String) throws(StartError) -> ProviderFaults? {
        guard !text.isEmpty else { return nil }
        do throws(Problem) {
            let faults = try JSON.decode(ProviderFaults.self, from: text.utf8)
            try faults.check()
            return faults
        } catch { throw StartError("provider.faults: \(error.detail)") }
    }
}
