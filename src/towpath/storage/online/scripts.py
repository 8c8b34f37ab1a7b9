"""What Redis does in one step of its own, as Lua scripts.

A table lives in keys that share a hash tag, so that a cluster keeps them on one node:

    <ns>:{<table>}:state    hash: generation, body, draft
    <ns>:{<table>}:rows     hash: key → value, and under RESERVED the generation
    <ns>:{<table>}:carried  hash: key → value of the rows that were put
    <ns>:{<table>}:draft:…  hash: like rows, invisible; named by the draft's token
    <ns>:{<table>}:kept     hash: like carried, of the draft
    <ns>:{<table>}:closed   while a draft is being published: who does it; puts wait
    <ns>:{<table>}:trash    hash: what was in force, for an instant

Redis runs a script whole before anything else, so none may be long: what grows with a table comes in
pieces, and what is replaced is unlinked, which frees it in the background. Rows of a draft come by plain
commands, which take half as long; the script that follows in the same transaction takes them away again
if the draft was overtaken.
https://redis.io/docs/latest/develop/programmability/eval-intro/
"""

from __future__ import annotations

from typing import Final

RESERVED: Final = b""
"""The field of `rows` that names their generation; a row's key is never empty."""

CLOSED_MS: Final = 10_000
"""How long a table stays closed after whoever publishes a draft has died."""

KEYS: Final = ("state", "rows", "carried", "draft", "kept", "closed", "trash")
"""The keys of a table, in the order in which every script takes them."""

NO_TABLE: Final = -1
"""What `PUT` returns when there is no such table."""

OTHER_GENERATION: Final = -2
"""What `PUT` returns when another generation is in force. -3: the table is closed for a moment."""

_NAMES = (
    "\n".join(f"local {name} = KEYS[{at}]" for at, name in enumerate(KEYS, 1))
    + """
local function draft_of(token) return draft .. ':' .. token end
local function forget_draft()
  local token = redis.call('HGET', state, 'draft')
  if token then redis.call('UNLINK', draft_of(token)) end
  redis.call('UNLINK', kept, closed)
end
"""
)

# Stamps are compared as whole numbers, because Lua compares strings by the server's locale.
_OLDER = """
local function older(left, right)
  local a, b, c, d = struct.unpack('>I4I4I4I4', left)
  local e, f, g, h = struct.unpack('>I4I4I4I4', right)
  if a ~= e then return a < e end
  if b ~= f then return b < f end
  if c ~= g then return c < g end
  return d < h
end
"""

PUT: Final = (
    _NAMES
    + _OLDER
    + """
-- ARGV: generation or '', key, value, … Returns how many were not older, or why none was looked at.
local generation = redis.call('HGET', state, 'generation')
if not generation then return -1 end
if ARGV[1] ~= '' and ARGV[1] ~= generation then return -2 end
if redis.call('EXISTS', closed) == 1 then return -3 end
local count = 0
for i = 2, #ARGV, 2 do
  local before = redis.call('HGET', rows, ARGV[i])
  if not before or (before ~= ARGV[i + 1] and not older(ARGV[i + 1], before)) then
    redis.call('HSET', rows, ARGV[i], ARGV[i + 1])
    redis.call('HSET', carried, ARGV[i], ARGV[i + 1])
    count = count + 1
  end
end
return count
"""
)

UPDATE: Final = (
    _NAMES
    + _OLDER
    + """
-- ARGV: generation, whether there is a body, body, key, value, …
-- Returns how many were not older, -1 if another generation is in force.
if redis.call('HGET', state, 'generation') ~= ARGV[1] then return -1 end
forget_draft()
redis.call('HDEL', state, 'draft')
local count = 0
for i = 4, #ARGV, 2 do
  local before = redis.call('HGET', rows, ARGV[i])
  if not before or (before ~= ARGV[i + 1] and not older(ARGV[i + 1], before)) then
    redis.call('HSET', rows, ARGV[i], ARGV[i + 1])
    redis.call('HDEL', carried, ARGV[i])
    count = count + 1
  end
end
if ARGV[2] == '1' then redis.call('HSET', state, 'body', ARGV[3]) end
return count
"""
)

BEGIN: Final = (
    _NAMES
    + """
-- ARGV: token.
forget_draft()
redis.call('HSET', state, 'draft', ARGV[1])
return 1
"""
)

WRITTEN: Final = (
    _NAMES
    + """
-- ARGV: token, whose rows were written in the same transaction. Returns 0 if the draft was overtaken.
if redis.call('HGET', state, 'draft') == ARGV[1] then return 1 end
redis.call('UNLINK', draft_of(ARGV[1]))
return 0
"""
)

CLOSE: Final = (
    _NAMES
    + """
-- ARGV: token, milliseconds. Returns 0 if the draft was overtaken.
if redis.call('HGET', state, 'draft') ~= ARGV[1] then return 0 end
redis.call('SET', closed, ARGV[1], 'PX', ARGV[2])
return 1
"""
)

CARRY: Final = (
    _NAMES
    + _OLDER
    + """
-- ARGV: token, milliseconds, key, value, … of rows that were put; brings the newer ones into the draft.
-- Returns 0 if the draft was overtaken, or the table has opened again.
if redis.call('HGET', state, 'draft') ~= ARGV[1] then return 0 end
if redis.call('GET', closed) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', closed, ARGV[2])
draft = draft_of(ARGV[1])
for i = 3, #ARGV, 2 do
  local ours = redis.call('HGET', draft, ARGV[i])
  if not ours or older(ours, ARGV[i + 1]) then
    redis.call('HSET', draft, ARGV[i], ARGV[i + 1])
    redis.call('HSET', kept, ARGV[i], ARGV[i + 1])
  end
end
return 1
"""
)

PUBLISH: Final = (
    _NAMES
    + """
-- ARGV: token, body. Returns 0 if the draft was overtaken, or the table has opened again.
if redis.call('HGET', state, 'draft') ~= ARGV[1] then return 0 end
if redis.call('GET', closed) ~= ARGV[1] then return 0 end
draft = draft_of(ARGV[1])
redis.call('HSET', draft, '', ARGV[1])
if redis.call('EXISTS', rows) == 1 then redis.call('RENAME', rows, trash) end
redis.call('RENAME', draft, rows)
redis.call('UNLINK', trash, carried)
if redis.call('EXISTS', kept) == 1 then redis.call('RENAME', kept, carried) end
redis.call('HSET', state, 'generation', ARGV[1], 'body', ARGV[2])
redis.call('HDEL', state, 'draft')
redis.call('UNLINK', closed)
return 1
"""
)

DISCARD: Final = (
    _NAMES
    + """
-- ARGV: token. Deletes the draft if it is this one; a table that never was leaves nothing.
if redis.call('HGET', state, 'draft') ~= ARGV[1] then return 0 end
forget_draft()
redis.call('HDEL', state, 'draft')
return 1
"""
)

DROP: Final = (
    _NAMES
    + """
local there = redis.call('HEXISTS', state, 'generation')
forget_draft()
redis.call('UNLINK', state, rows, carried, trash)
return there
"""
)
