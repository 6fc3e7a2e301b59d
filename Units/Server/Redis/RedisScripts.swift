/// The scripts that a unit runs in its Redis. `RedisModel` in the core is the same logic as a pure machine.
///
/// All that Redis knows of a unit is one hash, so a script reads it once and writes it once, for one lot or for a
/// hundred. A hash for each lot, with two commands for each, cost 6 us a lot; this costs 1.7. And a script that fails has
/// written nothing. The fields are `owner`, `steps`, `ledger`, `generation`, `position` and `digest`; for lot 9 also `9`,
/// with the text `fence sequence available`, and `9:tail`, with the records of the last step's requests.
///
/// A fence above 2^52 (``Limits/fence``) is damaged data: no unit reaches it, and Lua's numbers are not exact far
/// beyond it.
enum RedisScripts {
    /// KEYS: the unit. ARGV: owner, position, digest, the number of lots; the lots; the state that each must have; for
    /// each lot the fields and values to be written: its state and its tail.
    ///
    /// The answer is one letter for each lot: O for done, L for lost, S for superseded. As a rule every lot is as
    /// expected, and ARGV has what is written as it stands; only another case makes a table (`news`).
    static let step = """
        local lots = tonumber(ARGV[4])
        local held = redis.call('HMGET', KEYS[1], 'owner', 'steps', unpack(ARGV, 5, 4 + lots))
        local mine, first, results, news = held[1] == ARGV[1], 5 + 2 * lots, {}, nil
        for lot = 1, lots do
          local has, expected, at = held[2 + lot], ARGV[4 + lots + lot], first + 4 * (lot - 1)
          if mine and has == expected and not string.find(ARGV[at + 1], '-', 1, true) then
            results[lot] = 'O'
            if news then for part = at, at + 3 do news[#news + 1] = ARGV[part] end end
          else
            local fence = tonumber(string.match(has or '', '^%d+') or '')
            local known = held[1] and fence and fence <= 4503599627370496
            local late = known and (not mine or tonumber(string.match(expected, '^%d+')) < fence)
            results[lot] = late and 'S' or 'L'
            news = news or { unpack(ARGV, first, at - 1) }
          end
        end
        if news and #news == 0 then return table.concat(results) end
        redis.call('HSET', KEYS[1], 'position', ARGV[2], 'digest', ARGV[3], 'steps', (tonumber(held[2]) or 0) + 1,
          unpack(news or ARGV, news and 1 or first, news and #news or #ARGV))
        return table.concat(results)
        """

    /// KEYS: the unit. ARGV: the lot's fields for its state and its tail, fence, available, owner, the surveyed owner and
    /// steps (empty for none), ledger, generation, position, digest.
    static let prime = """
        local held = redis.call('HMGET', KEYS[1], 'owner', 'steps', ARGV[1])
        local steps = tonumber(held[2]) or 0
        if held[1] and held[1] ~= ARGV[5] then
          local surveyed = tonumber(ARGV[7])
          local same = surveyed and held[1] == ARGV[6] and steps == surveyed
          if not surveyed or not (same or steps < surveyed) then return 'SUPERSEDED' end
        end
        local fence = tonumber(string.match(held[3] or '', '^%d+') or '')
        if fence and fence <= 4503599627370496 and fence >= tonumber(ARGV[3]) then return 'SUPERSEDED' end
        redis.call('HSET', KEYS[1], 'owner', ARGV[5], 'steps', steps + 1, 'ledger', ARGV[8], 'generation', ARGV[9],
          'position', ARGV[10], 'digest', ARGV[11], ARGV[1], ARGV[3] .. ' 0 ' .. ARGV[4], ARGV[2], '')
        return 'OK'
        """
}
