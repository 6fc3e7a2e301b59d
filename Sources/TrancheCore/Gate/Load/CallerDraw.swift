/// Random bits of a caller, made from a hash of their name and the time. Bits of the system would cost a system call for
/// each request.
package enum CallerDraw {
    private static let hourMicroseconds: Int64 = 3_600_000_000

    /// The lower half stays the same for an hour: then the same callers are admitted from call to call, and finish what
    /// they began, while chances change from hour to hour (``AdmittedShare/admits(_:draw:)``). The upper half differs
    /// from call to call: it spreads pauses.
    ///
    /// - Parameter caller: A hash with a secret key.
    package static func bits(caller: UInt64, now: Instant) -> UInt64 {
        let hour = UInt64(bitPattern: now.microseconds / Self.hourMicroseconds)
        let stays = HashIndex.mix(caller ^ HashIndex.mix(hour))
        let moves = HashIndex.mix(caller ^ HashIndex.mix(~UInt64(bitPattern: now.microseconds)))
        return moves & ~0xFFFF_FFFF | stays & 0xFFFF_FFFF
    }
}
