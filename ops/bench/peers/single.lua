-- Runs in Redis, for one buyer: duplicate, stock, count, ordered queue entry. KEYS: stock, buyers, count, queue.
-- ARGV: buyer, order.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 2 end
local left = tonumber(redis.call('GET', KEYS[1]))
if not left or left < 1 then return 0 end
redis.call('DECR', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('INCR', KEYS[3])
redis.call('XADD', KEYS[4], '*', 'o', ARGV[2], 'b', ARGV[1])
return 1
