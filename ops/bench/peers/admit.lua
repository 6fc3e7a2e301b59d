-- The usual design of an admission: token, flag, one Redis script. There are two ways to call the script, both tuned.
local redis = require "nginx.redis"
local semaphore = require "ngx.semaphore"

local M = {}
local flags = ngx.shared.flags
local secret, address, single_script, single_digest, merged_digest
local find, sub, concat = string.find, string.sub, table.concat
local hmac_sha1, encode_base64 = ngx.hmac_sha1, ngx.encode_base64

-- The same for many buyers, with the minimum number of commands.
local merged_script = [[
local count = tonumber(ARGV[1])
local buyers = {}
for i = 1, count do buyers[i] = ARGV[2 * i] end
local known = redis.call('HMGET', KEYS[2], unpack(buyers))
local left = tonumber(redis.call('GET', KEYS[1])) or 0
local verdicts, set, queue, sold, mine = {}, {}, {}, 0, {}
for i = 1, count do
  local buyer, order = ARGV[2 * i], ARGV[2 * i + 1]
  if known[i] or mine[buyer] then
    verdicts[i] = '2'
  elseif left < 1 then
    verdicts[i] = '0'
  else
    verdicts[i] = '1'
    left = left - 1
    sold = sold + 1
    mine[buyer] = true
    set[2 * sold - 1], set[2 * sold] = buyer, order
    queue[sold] = order .. ' ' .. buyer
  end
end
if sold > 0 then
  redis.call('DECRBY', KEYS[1], sold)
  redis.call('HSET', KEYS[2], unpack(set))
  redis.call('INCRBY', KEYS[3], sold)
  redis.call('XADD', KEYS[4], '*', 'admitted', table.concat(queue, '\n'))
end
return table.concat(verdicts)
]]

local keys = { "stock", "buyers", "count", "queue" }
local sold_out = '{"code":"sold_out","detail":"asked for 1, none is left; a new token may try again",'
    .. '"status":410,"title":"sold out","type":"about:blank"}'

function M.setup(the_secret, the_address, folder)
    secret, address = the_secret, the_address
    single_script = assert(io.open(folder .. "/single.lua")):read("*a")
end

local function connect()
    local connection = redis:new()
    connection:set_timeout(5000)
    assert(connection:connect(address))
    if not single_digest then
        single_digest = assert(connection:script("load", single_script))
        merged_digest = assert(connection:script("load", merged_script))
    end
    return connection
end

local function answer(status, kind, body)
    ngx.status = status
    local header = ngx.header
    header["Content-Type"] = kind
    header["Content-Length"] = #body
    ngx.print(body)
end

local function refuse() answer(410, "application/problem+json", sold_out) end

-- Authorization: Bearer BUYER:ORDER.MAC
local function token()
    local header = ngx.var.http_authorization
    if not header then return nil end
    local dot = find(header, ".", 8, true)
    if not dot then return nil end
    local payload = sub(header, 8, dot - 1)
    if encode_base64(hmac_sha1(secret, payload)) ~= sub(header, dot + 1) then return nil end
    local colon = find(payload, ":", 1, true)
    return sub(payload, 1, colon - 1), sub(payload, colon + 1)
end

local function confirm(order)
    answer(201, "application/json", concat {
        '{"deadlineMicroseconds":', "1790000000000000", ',"lot":1,"order":"', order,
        '","quantity":1,"stamp":"7331651584000000000","state":"reserved"}' })
end

local function conclude(verdict, order)
    if verdict == 1 then return confirm(order) end
    if verdict == 0 then
        flags:set("sold_out", true)
        return refuse()
    end
    answer(409, "application/problem+json", '{"code":"duplicate","status":409}')
end

function M.single()
    if flags:get("sold_out") then return refuse() end
    local buyer, order = token()
    if not buyer then return answer(401, "application/problem+json", '{"code":"bad_token","status":401}') end
    local connection = connect()
    local verdict = connection:evalsha(single_digest, 4, keys[1], keys[2], keys[3], keys[4], buyer, order)
    connection:set_keepalive(60000, 512)
    conclude(verdict, order)
end

-- Requests of this worker that wait for the next script call.
local waiting, count, work, spare = {}, 0, nil, {}
local LIMIT = 500

local function pump(premature)
    if premature then return end
    local connection = connect()
    while not ngx.worker.exiting() do
        if count == 0 then work:wait(1) end
        while count > 0 do
            local batch, size = waiting, count
            waiting, count = {}, 0
            for first = 1, size, LIMIT do
                local last = math.min(size, first + LIMIT - 1)
                local arguments = { last - first + 1 }
                for i = first, last do
                    arguments[#arguments + 1] = batch[i].buyer
                    arguments[#arguments + 1] = batch[i].order
                end
                local verdicts = connection:evalsha(
                    merged_digest, 4, keys[1], keys[2], keys[3], keys[4], unpack(arguments))
                for i = first, last do
                    batch[i].verdict = verdicts and tonumber(sub(verdicts, i - first + 1, i - first + 1))
                    batch[i].semaphore:post(1)
                end
            end
        end
    end
end

function M.start()
    work = semaphore.new()
    assert(ngx.timer.at(0, pump))
end

function M.merged()
    if flags:get("sold_out") then return refuse() end
    local buyer, order = token()
    if not buyer then return answer(401, "application/problem+json", '{"code":"bad_token","status":401}') end
    local one = table.remove(spare) or { semaphore = semaphore.new() }
    one.buyer, one.order, one.verdict = buyer, order, nil
    count = count + 1
    waiting[count] = one
    if count == 1 then work:post(1) end
    one.semaphore:wait(5)
    local verdict = one.verdict
    spare[#spare + 1] = one
    conclude(verdict, order)
end

return M
