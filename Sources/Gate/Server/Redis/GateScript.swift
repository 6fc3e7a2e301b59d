/// The one script that a gate runs in its Redis: limits that all gates of a region share, and marks that exist once.
///
/// `ARGV`: the moment in microseconds, then for each request the number of its limits, each limit as key, emission
/// interval and tolerance in microseconds (GCRA: ATM Forum, Traffic Management 4.0), the key of a counter or nothing, and
/// the key, the value and the life in milliseconds of a mark, or an empty key and no more.
///
/// A request that one limit refuses is charged to none of them, and sets no mark. The answer has three elements for each
/// request: milliseconds to wait (0: admitted), the counter (0 if it does not exist), and the value of the mark that was
/// there before, or nothing.
enum GateScript {
    static let text = """
        local now, at, out = tonumber(ARGV[1]), 2, {}
        while at <= #ARGV do
          local count, wait, charges = tonumber(ARGV[at]), 0, {}
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
          local counter, mark = ARGV[at], ARGV[at + 1]
          at = at + 2
          local seen = 0
          if counter ~= '' then seen = tonumber(redis.call('GET', counter) or '0') end
          local earlier = ''
          if mark ~= '' then
            if wait == 0 then
              earlier = redis.call('SET', mark, ARGV[at], 'NX', 'GET', 'PX', ARGV[at + 1]) or ''
            end
            at = at + 2
          end
          if wait == 0 then
            for _, charge in ipairs(charges) do
              redis.call('SET', charge[1], string.format('%.0f', charge[2]), 'PX', math.ceil((charge[2] - now) / 1000) + 1)
            end
          end
          out[#out + 1] = math.ceil(wait / 1000)
          out[#out + 1] = seen
          out[#out + 1] = earlier
        end
        return out
        """

    /// Raises a counter and keeps it for some time: key, milliseconds.
    static let raise = """
        local count = redis.call('INCR', KEYS[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        return count
        """
}
