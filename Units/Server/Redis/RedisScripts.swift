/// The scripts that a unit runs in its Redis. `RedisModel` in the core is the same logic as a pure machine.
///
/// A fence above 2^52 (``Limits/fence``) is damaged data: no unit reaches it, and Lua's numbers are not exact far
/// beyond it.
enum RedisScripts {
    /// KEYS: state, witness. ARGV: fence, sequence, available before, available after, position, digest.
    static let step = """
        local st = redis.call('HMGET', KEYS[1], 'fence', 'seq', 'avail')
        local fence = tonumber(st[1] or '')
        local mine, after = tonumber(ARGV[1]), tonumber(ARGV[4])
        if not fence or fence > 4503599627370496 then return 'LOST' end
        if mine < fence then return 'SUPERSEDED' end
        if mine > fence or st[2] ~= ARGV[2] or st[3] ~= ARGV[3] or after < 0 then return 'LOST' end
        redis.call('HSET', KEYS[1], 'seq', tonumber(ARGV[2]) + 1, 'avail', ARGV[4])
        redis.call('HSET', KEYS[2], 'position', ARGV[5], 'digest', ARGV[6])
        return 'OK'
        """

    /// KEYS: state, witness, fences. ARGV: lot, fence, available, ledger, position, digest. From now on the lot takes
    /// steps with this fence, and no step with an older one.
    static let prime = """
        local fence = tonumber(redis.call('HGET', KEYS[1], 'fence') or '')
        if fence and fence <= 4503599627370496 and fence > tonumber(ARGV[2]) then return 'SUPERSEDED' end
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'fence', ARGV[2], 'seq', 0, 'avail', ARGV[3])
        redis.call('HSET', KEYS[2], 'ledger', ARGV[4], 'position', ARGV[5], 'digest', ARGV[6])
        redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
        return 'OK'
        """

    /// KEYS: witness, fences.
    static let survey = """
        return { redis.call('HMGET', KEYS[1], 'ledger', 'position', 'digest'), redis.call('HVALS', KEYS[2]) }
        """
}
