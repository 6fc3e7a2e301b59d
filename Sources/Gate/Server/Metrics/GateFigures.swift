import DaemonSupport
import NIOConcurrencyHelpers

/// A gate's gauges. Read once a second.
struct GateFigures: Sendable {
    let house: Gatehouse
    let redis: GateRedis

    func setGauges() {
        let telemetry = self.house.telemetry
        telemetry.setQueue("redis", length: self.redis.waitingCount, limit: GateRedis.waitingLimit)
        telemetry.set(
            "tranche_redis_connected", "1 while the gates' Redis answers: limits and challenges are shared.",
            to: self.redis.isAway ? 0 : 1)
        telemetry.set(
            "tranche_config_version", "The version of the configuration that the process applies.",
            to: Double(self.house.setting.withLockedValue { $0.version }))
    }
}
