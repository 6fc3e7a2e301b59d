import TrancheCore

/// A unit's Redis: it survives the unit's process, and may be emptied or set back.
struct SimulatedRedis {
    /// A new one after each start of its process.
    var run = RedisRun(rawValue: 1)
    var data = RedisModel()
}
