/// The scripts that a unit runs in its Redis. `RedisModel` in the core is the same logic as a pure machine.
///
/// A fence above 2^52 (``Limits/fence``) is damaged data: no unit reaches it, and Lua's numbers are not exact far
/// beyond it.
///
/// A buyer's field in `buyers` is `quantity|` and then 16 bytes per order. A queue entry is one call's admitted records
/// in a row, under the id `sequence-1`.
enum AdmissionScripts {
    /// KEYS: state, buyers, queue, witness. ARGV: fence, sequence, limit, credit, keep (-1: none), committed, position,
    /// digest, releases, requests, the requests' records in a row, each with its length in one byte before it; then per
    /// release: buyer, order, quantity. One argument for all requests costs a third of one or two for each.
    static let step = """
        local st = redis.call('HMGET', KEYS[1], 'fence', 'seq', 'avail')
        if not st[1] or not st[3] then return 'LOST' end
        local fence, seq, avail = tonumber(st[1]), tonumber(st[2]), tonumber(st[3])
        local mine = tonumber(ARGV[1])
        if not fence or not seq or not avail or fence > 4503599627370496 then return 'LOST' end
        if mine < fence then return 'SUPERSEDED' end
        if mine > fence or seq < tonumber(ARGV[2]) then return 'LOST' end
        local limit, keep = tonumber(ARGV[3]), tonumber(ARGV[5])
        local nrel, nreq = tonumber(ARGV[9]), tonumber(ARGV[10])
        local sub, byte = string.sub, string.byte
        local blob = ARGV[11]
        local names, count, known, starts, buyers = {}, 0, {}, {}, {}
        local at = 12
        for i = 1, nrel do
          local buyer = ARGV[at]
          if not known[buyer] then known[buyer] = true; count = count + 1; names[count] = buyer end
          at = at + 3
        end
        local start = 1
        for i = 1, nreq do
          local last = start + byte(blob, start)
          local buyer = sub(blob, start + 37, last)
          starts[i], buyers[i] = start, buyer
          if not known[buyer] then known[buyer] = true; count = count + 1; names[count] = buyer end
          start = last + 1
        end
        starts[nreq + 1] = start
        local held, ids, changed = {}, {}, {}
        if count > 0 then
          local values = redis.call('HMGET', KEYS[2], unpack(names))
          for i = 1, count do
            local value = values[i]
            if value then
              local bar = string.find(value, '|', 1, true)
              held[names[i]] = tonumber(sub(value, 1, bar - 1))
              ids[names[i]] = sub(value, bar + 1)
            else
              held[names[i]] = 0
              ids[names[i]] = ''
            end
          end
        end
        local function has(list, order)
          for i = 1, #list, 16 do
            if sub(list, i, i + 15) == order then return i end
          end
          return nil
        end
        at = 12
        for i = 1, nrel do
          local buyer, order, quantity = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
          local start = has(ids[buyer], order)
          if start then
            ids[buyer] = sub(ids[buyer], 1, start - 1) .. sub(ids[buyer], start + 16)
            held[buyer] = held[buyer] - quantity
            changed[buyer] = true
            avail = avail + quantity
          end
          at = at + 3
        end
        avail = avail + tonumber(ARGV[4])
        local taken = 0
        if keep >= 0 and avail > keep then taken = avail - keep; avail = keep end
        local verdicts, overs, records, admitted = {}, {}, {}, 0
        for i = 1, nreq do
          local start, buyer = starts[i], buyers[i]
          local q1, q2, q3, q4 = byte(blob, start + 33, start + 36)
          local quantity = ((q1 * 256 + q2) * 256 + q3) * 256 + q4
          local order = sub(blob, start + 1, start + 16)
          local mine = ids[buyer]
          if mine ~= '' and has(mine, order) then
            verdicts[i] = 'K'
          elseif held[buyer] + quantity > limit then
            verdicts[i] = 'L'
            overs[#overs + 1] = held[buyer]
          elseif quantity > avail then
            verdicts[i] = 'S'
          else
            verdicts[i] = 'A'
            avail = avail - quantity
            held[buyer] = held[buyer] + quantity
            ids[buyer] = mine .. order
            changed[buyer] = true
            admitted = admitted + 1
            records[admitted] = i
          end
        end
        local set, size, gone = {}, 0, {}
        for buyer in pairs(changed) do
          if ids[buyer] == '' then
            gone[#gone + 1] = buyer
          else
            set[size + 1] = buyer
            set[size + 2] = held[buyer] .. '|' .. ids[buyer]
            size = size + 2
          end
        end
        if size > 0 then redis.call('HSET', KEYS[2], unpack(set)) end
        if #gone > 0 then redis.call('HDEL', KEYS[2], unpack(gone)) end
        seq = seq + 1
        redis.call('HSET', KEYS[1], 'seq', seq, 'avail', avail)
        redis.call('HSET', KEYS[4], 'position', ARGV[7], 'digest', ARGV[8])
        if admitted > 0 then
          local queued = blob
          if admitted < nreq then
            for i = 1, admitted do records[i] = sub(blob, starts[records[i]], starts[records[i] + 1] - 1) end
            queued = table.concat(records)
          end
          redis.call('XADD', KEYS[3], seq .. '-1', 'admitted', queued)
        end
        redis.call('XTRIM', KEYS[3], 'MINID', (tonumber(ARGV[6]) + 1) .. '-0')
        return { seq, avail, taken, table.concat(verdicts), overs }
        """

    /// KEYS: state, buyers, queue, lots. ARGV: fence, lot. Empties the lot for a new fence.
    static let primeBegin = """
        local fence = tonumber(redis.call('HGET', KEYS[1], 'fence') or '')
        if fence and fence <= 4503599627370496 and fence > tonumber(ARGV[1]) then return 'SUPERSEDED' end
        redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
        redis.call('HSET', KEYS[1], 'fence', ARGV[1])
        redis.call('SADD', KEYS[4], ARGV[2])
        return 'OK'
        """

    /// KEYS: state, witness, buyers, the hash that was filled for this fence. ARGV: fence, available, ledger, position,
    /// digest. From now on the lot admits.
    static let primeEnd = """
        if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
          redis.call('UNLINK', KEYS[4])
          return 'SUPERSEDED'
        end
        if redis.call('EXISTS', KEYS[4]) == 1 then
          redis.call('RENAME', KEYS[4], KEYS[3])
          redis.call('PERSIST', KEYS[3])
        end
        redis.call('HSET', KEYS[1], 'seq', 0, 'avail', ARGV[2])
        redis.call('HSET', KEYS[2], 'ledger', ARGV[3], 'position', ARGV[4], 'digest', ARGV[5])
        return 'OK'
        """
}
