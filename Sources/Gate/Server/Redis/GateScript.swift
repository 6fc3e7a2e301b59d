/// The scripts that a gate runs in its Redis: limits, counters and marks that all gates of a region share.
enum GateScript {
    /// `ARGV`: the moment in microseconds, then for each request: the number of its limits, and each limit as key,
    /// interval and tolerance in microseconds (GCRA: ATM Forum, Traffic Management 4.0); the number of its counters, and
    /// their keys; the number of its marks, and each mark as key, value and life in milliseconds.
    ///
    /// A request that one limit refuses is charged to none of them, and sets no mark. The answer has one list for each
    /// request: milliseconds to wait (0: admitted), the counters, and for each mark the value that it had before or an empty text.
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
          local answer = {math.ceil(wait / 1000)}
          for _, value in ipairs(counters) do answer[#answer + 1] = value end
          count = tonumber(ARGV[at])
          at = at + 1
          for _ = 1, count do
            local earlier = ''
            if wait == 0 then
              earlier = redis.call('SET', ARGV[at], ARGV[at + 1], 'NX', 'GET', 'PX', ARGV[at + 2]) or ''
            end
            answer[#answer + 1] = earlier
            at = at + 3
          end
          if wait == 0 then
            for _, charge in ipairs(charges) do
              local life = math.ceil((charge[2] - now) / 1000) + 1
              redis.call('SET', charge[1], string.format('%.0f', charge[2]), 'PX', life)
            end
          end
          out[#out + 1] = answer
        end
        return out
        """

    /// Raises a counter, if it has the expected value, and sets a mark with it, if there is a second key: value, milliseconds
    /// of life, the mark's value. Repeating it does no harm.
    static let raise = """
        if (redis.call('GET', KEYS[1]) or '0') == ARGV[1] then
          redis.call('SET', KEYS[1], tonumber(ARGV[1]) + 1, 'PX', ARGV[2])
          if KEYS[2] then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[2]) end
        end
        return 0
        """
}
