-- The Lua of this project runs inside Prosody, on Lua 5.4.
std = "lua54"
max_line_length = 120
read_globals = { prosody = { fields = { "core_route_stanza", "events", "hosts", "start_time" } } }
globals = { "module" }
