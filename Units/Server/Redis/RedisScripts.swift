/// The scripts that a unit runs in its Redis. `RedisModel` in the core is the same logic as a pure machine.
///
/// A fence above 2^52 (``Limits/fence``) is damaged data: no unit reaches it, and Lua's numbers are not exact far
/// beyond it.
enum RedisScripts {
    /// KEYS: state, witness. ARGV: fence, sequence, available before, available after, position, digest, the records of
    /// the admitted requests, owner.
    static let step = """
        local st = redis.call('HMGET', KEYS[1], 'fence', 'seq', 'avail')
        local owned = redis.call('HMGET', KEYS[2], 'owner', 'steps')
        local fence = tonumber(st[1] or '')
        local mine, after = tonumber(ARGV[1]), tonumber(ARGV[4])
        if not owned[1] or not fence or fence > 4503599627370496 then return 'LOST' end
        if owned[1] ~= ARGV[8] or mine < fence then return 'SUPERSEDED' end
        if mine > fence or st[2] ~= ARGV[2] or st[3] ~= ARGV[3] or after < 0 then return 'LOST' end
        redis.call('HSET', KEYS[1], 'seq', tonumber(ARGV[2]) + 1, 'avail', ARGV[4], 'tail', ARGV[7])
        redis.call('HSET', KEYS[2], 'position', ARGV[5], 'digest', ARGV[6], 'steps', (tonumber(owned[2]) or 0) + 1)
        return 'OK'
        """

    /// KEYS: state, witness, lots. ARGV: lot, fence, owner, the surveyed owner and steps (empty for none), available,
    /// ledger, generation, position, digest.
    static let prime = """
        local owned = redis.call('HMGET', KEYS[2], 'owner', 'steps')
        local steps = tonumber(owned[2]) or 0
        if owned[1] and owned[1] ~= ARGV[3] then
          local surveyed = tonumber(ARGV[5])
          local same = surveyed and owned[1] == ARGV[4] and steps == surveyed
          if not surveyed or not (same or steps < surveyed) then return 'SUPERSEDED' end
        end
        local fence = tonumber(redis.call('HGET', KEYS[1], 'fence') or '')
        if fence and fence <= 4503599627370496 and fence >= tonumber(ARGV[2]) then return 'SUPERSEDED' end
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'fence', ARGV[2], 'seq', 0, 'avail', ARGV[6])
        redis.call('HSET', KEYS[2], 'owner', ARGV[3], 'steps', steps + 1, 'ledger', ARGV[7], 'generation', ARGV[8],
          'position', ARGV[9], 'digest', ARGV[10])
        redis.call('SADD', KEYS[3], ARGV[1])
        return 'OK'
        """

    /// KEYS: witness, lots. ARGV: the state keys' texts before and after the lot.
    static let survey = """
        local found = {
          redis.call('HMGET', KEYS[1], 'ledger', 'generation', 'position', 'digest', 'owner', 'steps')
        }
        for _, lot in ipairs(redis.call('SMEMBERS', KEYS[2])) do
          local st = redis.call('HMGET', ARGV[1] .. lot .. ARGV[2], 'fence', 'tail')
          found[#found + 1] = { lot, st[1], st[2] }
        end
        return found
        """
}
