-- Refuses token requests above the line's threshold before the gate. An option of tranche.conf (lines with #lua).
--
-- Ranks and thresholds are 16 hexadecimal digits, so a comparison of texts decides. The rank is in the ticket. A forged
-- ticket with a low rank passes here, and the gate, which checks the signature, refuses it: this check only saves work.
-- What is not known passes: no fresh threshold, no ticket, another form of body.
local module = {}
local fresh_seconds = 10

-- The rank in an entry ticket: base64url of version (1 byte), lot (4), rank (8), and more.
local function rank(ticket)
    local bytes = ngx.decode_base64((ticket:sub(1, 20):gsub("-", "+"):gsub("_", "/")))
    if not bytes or bytes:byte(1) ~= 1 then return nil end
    return (bytes:sub(6, 13):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

-- One status document from the first gate that answers.
local function status(gates, sale)
    for _, gate in ipairs(gates) do
        local host, port = gate:match("^(.*):(%d+)$")
        local socket = ngx.socket.tcp()
        socket:settimeouts(500, 500, 1000)
        if socket:connect(host, tonumber(port)) then
            -- HTTP/1.1 is what the gate's fast way reads; `close` ends the answer.
            socket:send("GET /v1/sales/" .. sale .. "/status.json HTTP/1.1\r\nHost: " .. host
                .. "\r\nConnection: close\r\n\r\n")
            local answer = socket:receive("*a")
            socket:close()
            if answer and answer:find("^HTTP/1.1 200 ") then return answer end
        end
    end
end

-- Reads the thresholds of `sales` once a second, in one worker for all.
function module.follow(gates, sales)
    if ngx.worker.id() ~= 0 then return end
    local function read()
        for _, sale in ipairs(sales) do
            local answer = status(gates, sale)
            -- A quote inside a text is escaped, so these patterns match members only.
            for lot, threshold in (answer or ""):gmatch('{"id":(%d+),.-"threshold":"(%x+)"') do
                if #threshold == 16 then ngx.shared.tranche_thresholds:set(lot, threshold, fresh_seconds) end
            end
        end
    end
    ngx.timer.at(0, read)
    ngx.timer.every(1, read)
end

-- Answers 403 `not_admitted` if the ticket's rank is above the threshold of the lot.
function module.check()
    local threshold = ngx.shared.tranche_thresholds:get(ngx.var.uri:match("^/v1/lots/(%d+)/"))
    if not threshold or ngx.req.get_method() ~= "POST" then return end
    if not pcall(ngx.req.read_body) then return end
    local ticket = (ngx.req.get_body_data() or ""):match('"ticket"%s*:%s*"([%w_-]+)"')
    local own = ticket and rank(ticket)
    if not own or own <= threshold then return end
    ngx.status = 403
    ngx.header["Content-Type"] = "application/problem+json"
    ngx.header["Cache-Control"] = "no-store"
    ngx.header["Retry-After"] = "2"
    ngx.header["Access-Control-Allow-Origin"] = "*"
    ngx.header["Access-Control-Expose-Headers"] = "Retry-After"
    ngx.print('{"code":"not_admitted","detail":"the rank ' .. own .. " is above the threshold " .. threshold
        .. '","retryAfter":2,"status":403,"title":"not admitted","type":"about:blank"}')
    return ngx.exit(403)
end

return module
