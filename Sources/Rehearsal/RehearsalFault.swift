/// The kinds of fault in a rehearsal.
package enum RehearsalFault: String, CaseIterable, Codable, Sendable, CodingKeyRepresentable {
    case killUnit = "kill-unit"
    case pauseUnit = "pause-unit"
    case killRedis = "kill-redis"
    case pauseRedis = "pause-redis"
    case flushRedis = "flush-redis"
    case killCenter = "kill-center"
    case pauseCenter = "pause-center"
    case killCoordinator = "kill-coordinator"
    case pauseCoordinator = "pause-coordinator"
    case partition
    case oneWayPartition = "one-way-partition"
    case slowLink = "slow-link"
    case restoreLedger = "restore-ledger"
    case setMachineBack = "set-machine-back"
    case copyElsewhere = "copy-elsewhere"
    case fillDisk = "fill-disk"
    case shiftClock = "shift-clock"
    case stepClock = "step-clock"
    case wrongSecret = "wrong-secret"

    package var story: String {
        switch self {
        case .killUnit: "kill -9 the unit, and start it again"
        case .pauseUnit: "stop the unit's process for a while"
        case .killRedis: "kill -9 the unit's Redis, and start it empty"
        case .pauseRedis: "stop the process of the unit's Redis for a while"
        case .flushRedis: "empty the unit's Redis while the unit runs"
        case .killCenter: "kill -9 the config center, and start it again"
        case .pauseCenter: "stop the center's process for a while"
        case .killCoordinator: "kill -9 the leading coordinator, and start it again"
        case .pauseCoordinator: "stop the process of the leading coordinator for a while"
        case .partition: "cut the region's links, both ways"
        case .oneWayPartition: "cut the region's links, one way"
        case .slowLink: "make the region's links half a second slower"
        case .restoreLedger: "put an older copy in place of the unit's ledger"
        case .setMachineBack: "set the unit's ledger and its Redis back to one earlier moment"
        case .copyElsewhere: "start a copy of the unit's ledger elsewhere, under the same id"
        case .fillDisk: "fill the unit's disk"
        case .shiftClock: "start the unit with a clock that is up to 300 ms wrong, and then right again"
        case .stepClock: "step the clock of the running unit by up to 2 s, and then back"
        case .wrongSecret: "start the unit with a wrong secret, and then with the right one"
        }
    }
}
