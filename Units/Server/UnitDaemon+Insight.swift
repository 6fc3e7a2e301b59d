import DaemonSupport
import Logging
import ServiceLifecycle
import Storage
import TrancheCore

// What operators and the service manager hear of a unit.

extension UnitDaemon {
    /// Publishes the figures of a unit, tells the service manager that it serves, and watches its certificate.
    static func insight(
        _ configuration: UnitConfiguration, _ figures: UnitFigures, _ pulse: Pulse, _ logger: Logger
    ) -> [any Service] {
        [
            ServiceNotice(pulse: pulse, logger: logger) {
                PortCheck.answers(host: configuration.publicHost, port: configuration.publicPort)
                    && PortCheck.answers(host: configuration.internalHost, port: configuration.internalPort)
            }, Vitals("tranche-unit", telemetry: figures.telemetry, measure: figures.setGauges),
            configuration.transport.watch(figures.telemetry, logger),
        ]
    }

    /// Counts what the calls to Redis do. Before the engine has the calls: they are its own from then on.
    ///
    /// - Returns: The tally of the engine's thread.
    static func watch(_ redis: RedisCalls, _ meters: UnitMeters, _ telemetry: Telemetry) -> UnitTally {
        UnitFigures.begin(telemetry)
        let tally = meters.tally()
        redis.onAnswer = { tally.observeStep(microseconds: $0) }
        redis.onChange = { isUp in
            telemetry.set("tranche_redis_connected", UnitFigures.connectedHelp, to: isUp ? 1 : 0)
            if !isUp { telemetry.count("tranche_redis_drops_total", "Connections to Redis that were lost.") }
        }
        return tally
    }

    /// The desk that asks the payment provider; `nil` if the unit has none.
    static func provider(
        _ configuration: UnitConfiguration, _ intake: Intake, _ telemetry: Telemetry, _ logger: Logger
    ) -> ProviderDesk? {
        configuration.provider.map { settings, _ in
            ProviderDesk(
                HTTPPaymentProvider(settings), concurrency: settings.concurrency, telemetry: telemetry, logger: logger
            ) { intake.post($0) }
        }
    }

    static func reserveLog(of ledger: any LedgerStore, _ logger: Logger) {
        do throws(StorageError) { try ledger.reserveLog() } catch {
            logger.warning("no room for the ledger's log was written ahead, so commits are slower: \(error)")
        }
    }

    static func logStart(_ configuration: UnitConfiguration, _ ledger: any LedgerStore, _ logger: Logger) {
        logger.info(
            "starting",
            metadata: [
                "public": "\(configuration.publicURL)", "position": "\(ledger.head.position)",
                "ledger": "\(ledger.location)",
            ])
    }
}
