-- One endpoint's limits. Decides in one step whether a call may begin; whoever asks again keeps its place.
-- KEYS: running (permit -> lapses at), waiting (permit -> order), alive (permit -> lapses at), numbers (hash)
-- ARGV: permit, person, tokens, calls at once, requests a minute, tokens a minute, seconds a sign of life lasts
-- Gives {1, 0, 0, ''} or {0, place from 1, milliseconds until it is worth asking again, why}.
local running, waiting, alive, numbers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local permit, person = ARGV[1], ARGV[2]
local tokens, at_once, requests, per_minute = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lasts = tonumber(ARGV[7])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000

local function number(name, otherwise)
  return tonumber(redis.call('HGET', numbers, name) or otherwise)
end
local function set(name, value)
  redis.call('HSET', numbers, name, string.format('%.6f', value))
end
-- What a bucket of that size holds now; it fills in a minute.
local function level(name, size)
  local filled = (now - number(name .. '.at', now - 60)) * size / 60
  return math.min(size, number(name, size) + filled)
end
local function take(name, size, amount)
  set(name, level(name, size) - amount)
  set(name .. '.at', now)
end

redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', alive, '-inf', now)) do
  redis.call('ZREM', waiting, gone)
  redis.call('ZREM', alive, gone)
end

-- Between people, not between calls: each person's next call stands one round behind their last one.
if not redis.call('ZSCORE', waiting, permit) then
  local round = math.max(number('round', 0), number('last.' .. person, 0)) + 1
  local arrival = redis.call('HINCRBY', numbers, 'arrivals', 1) % 1000000
  set('last.' .. person, round)
  redis.call('ZADD', waiting, string.format('%.6f', round + arrival / 1000000), permit)
end
redis.call('ZADD', alive, now + lasts, permit)
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 3600) end

local place = redis.call('ZRANK', waiting, permit)
local wait, why = 0, ''
if at_once > 0 and redis.call('ZCARD', running) >= at_once then wait, why = 0.25, 'calls' end
if requests > 0 then
  local missing = 1 - level('requests', requests)
  if missing > 0 then wait, why = math.max(wait, missing * 60 / requests), 'requests' end
end
if per_minute > 0 then
  -- A call larger than the bucket begins when it is full, and leaves it in debt.
  local missing = math.min(tokens, per_minute) - level('tokens', per_minute)
  if missing > 0 then wait, why = math.max(wait, missing * 60 / per_minute), 'tokens' end
end
if place == 0 and why == '' then
  if requests > 0 then take('requests', requests, 1) end
  if per_minute > 0 then take('tokens', per_minute, tokens) end
  set('round', math.floor(tonumber(redis.call('ZSCORE', waiting, permit))))
  redis.call('ZREM', waiting, permit)
  redis.call('ZREM', alive, permit)
  redis.call('ZADD', running, now + lasts, permit)
  return {1, 0, 0, ''}
end
return {0, place + 1, math.floor(math.max(wait, 0.05) * 1000), why == '' and 'others' or why}
