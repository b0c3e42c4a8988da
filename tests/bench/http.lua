-- Sends requests of a file, separated by NUL bytes, in random order over all connections of wrk.
-- A second argument is a pause after each answer, in ms.
-- Twelve '#' in a request become a number that no other request of the run has.
local requests, unique, thread, counter = {}, nil, 0, 0

local threads = 0
function setup(t)
	t:set("number", threads)
	threads = threads + 1
end

function init(args)
	local file = assert(io.open(args[1], "rb"))
	local text = file:read("*a")
	file:close()
	for request in text:gmatch("([^%z]+)") do
		requests[#requests + 1] = request
	end
	unique = requests[1]:find("############", 1, true) ~= nil
	math.randomseed(number * 7919 + 17)
	local pause = tonumber(args[2])
	if pause > 0 then
		function delay()
			return pause
		end
	end
end

function request()
	local text = requests[math.random(#requests)]
	if unique then
		counter = counter + 1
		text = text:gsub("############", string.format("%02d%010d", number, counter))
	end
	return text
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format(
		'\nRESULT {"requests":%d,"seconds":%.6f,"failed":%d,"broken":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
		summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
		latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
