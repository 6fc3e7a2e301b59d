/// The scripts that a gate runs in its Redis: limits, counters and marks that all gates of a region share.
enum GateScript {
    /// `ARGV`: the moment in microseconds, then for each request: the number of its limits, and each limit as key,
    /// interval and tolerance in microseconds (GCRA: ATM Forum, Traffic Management 4.0); the number of its counters, and
    /// their keys; the key of its mark, or an empty text and no more, then the mark's value and its life in milliseconds.
    ///
    /// A request that one limit refuses is charged to none of them, and sets no mark. The answer has one list for each
    /// request: milliseconds to wait (0: admitted), the value that the mark had before or an empty text, the counters.
    static let ask = """
        local now, at, out = tonumber(ARGV[1]), 2, {}
        while at <= #ARGV do
          local wait, charges, counters = 0, {}, {}
          local count = tonumber(ARGV[at])
          at = at + 1
          for _ = 1, count do
            local key, interval, tolerance = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
            at = at + 3
            local due = tonumber(redis.call('GET', key) or '0')
            if due < now then due = now end
            if due - now > tolerance then
              wait = math.max(wait, due - now - tolerance)
            else
              charges[#charges + 1] = {key, due + interval}
            end
          end
          count = tonumber(ARGV[at])
          at = at + 1
          for _ = 1, count do
            counters[#counters + 1] = tonumber(redis.call('GET', ARGV[at]) or '0')
            at = at + 1
          end
          local mark, earlier = ARGV[at], ''
          at = at + 1
          if mark ~= '' then
            if wait == 0 then
              earlier = redis.call('SET', mark, ARGV[at], 'NX', 'GET', 'PX', ARGV[at + 1]) or ''
            end
            at = at + 2
          end
          if wait == 0 then
            for _, charge in ipairs(charges) do
              local life = math.ceil((charge[2] - now) / 1000) + 1
              redis.call('SET', charge[1], string.format('%.0f', charge[2]), 'PX', life)
            end
          end
          local answer = {math.ceil(wait / 1000), earlier}
          for _, value in ipairs(counters) do answer[#answer + 1] = value end
          out[#out + 1] = answer
        end
        return out
        """

    /// Raises a counter, if it has the expected value: `KEYS[1]`, value, milliseconds of life. Repeating it does no harm.
    static let raise = """
        if (redis.call('GET', KEYS[1]) or '0') == ARGV[1] then
          redis.call('SET', KEYS[1], tonumber(ARGV[1]) + 1, 'PX', ARGV[2])
        end
        return 0
        """
}
