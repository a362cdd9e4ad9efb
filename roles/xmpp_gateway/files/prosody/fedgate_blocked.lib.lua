--- The block list: domains that are shut out whatever the policy says, until they are released.
--
-- A file of its own, so that no policy, good or broken, lets a blocked domain in again. No file is an empty list; but a
-- file that goes away, or cannot be read as a list, while the server runs takes nothing back. A server that finds a
-- broken one at its start does not know whom it should shut out, so it lets in nobody.

local array = require "util.array";
local json = require "util.json";
local sha256 = require "util.hashes".sha256;

local FORMAT = 1;
local ENOENT = 2;

local api;
-- domains: name → { since, reason, by, subdomains }, nil before a list is known; digest: of the file; reason: why the
-- file is not what is in force; wide: whether any entry reaches subdomains; empty: whether there is none at all.
local state = { domains = nil; digest = nil; reason = nil; wide = false; empty = true };
local blocked = { state = state }; -- others only look at it, where each stanza asks

--- @param module the one that loads this part
function blocked.init(module)
	api = module;
end

local function path()
	return api:get_option_string("fedgate_blocked_file", "/etc/prosody/fedgate/blocked.json");
end

--- @return the bytes; or nil, what is wrong, and whether it is that there is no file
local function read_file(name)
	local file, problem, code = io.open(name, "rb");
	if not file then return nil, problem, code == ENOENT; end
	local bytes = file:read("*a");
	file:close();
	if not bytes then return nil, ("%s cannot be read"):format(name), false; end
	return bytes;
end

local function is_entry(entry)
	return type(entry) == "table" and type(entry.since) == "number" and type(entry.reason) == "string"
		and type(entry.by) == "string" and type(entry.subdomains) == "boolean";
end

--- @return the entries by name, or nil and what is wrong
local function parse(bytes)
	local data, problem = json.decode(bytes);
	if data == nil then return nil, ("not JSON: %s"):format(tostring(problem)); end
	if type(data) ~= "table" then return nil, "no block list: it is not a JSON object"; end
	if data.format ~= FORMAT then
		return nil, ("no block list: its format is %s, not %d"):format(tostring(data.format), FORMAT);
	end
	if type(data.blocked) ~= "table" then return nil, "no block list: blocked is missing"; end
	local domains = {};
	for domain, entry in pairs(data.blocked) do
		if type(domain) ~= "string" or not is_entry(entry) then
			return nil, ("no block list: the entry of %s is malformed"):format(tostring(domain));
		end
		domains[domain:lower()] = entry;
	end
	return domains;
end

local function take(domains, digest)
	state.domains, state.digest, state.reason = domains, digest, nil;
	state.wide, state.empty = false, next(domains) == nil;
	for _, entry in pairs(domains) do
		if entry.subdomains then state.wide = true; end
	end
end

--- What was in force stays, with the reason; at the start that is nothing, and nobody federates.
local function keep(problem)
	state.reason = problem;
	api:log("error", "%s: %s", state.domains and "The block list stays as it was" or "Nobody federates", problem);
end

--- Read the file. @return whether another list is in force now
function blocked.load()
	local name = path();
	local bytes, problem, absent = read_file(name);
	if absent and (not state.domains or state.empty) then
		take({}, nil);
		return false;
	end
	if absent then
		keep(("%s is gone; what it blocked stays blocked until the server ends"):format(name));
		return false;
	end
	if not bytes then
		keep(problem);
		return false;
	end
	local digest = sha256(bytes, true);
	if state.domains and digest == state.digest then
		state.reason = nil;
		return false;
	end
	local domains;
	domains, problem = parse(bytes);
	if not domains then
		keep(("%s is %s"):format(name, problem));
		return false;
	end
	take(domains, digest);
	for domain, entry in pairs(domains) do
		api:log("info", "%s is blocked: %s (%s)", domain, entry.reason, entry.by);
	end
	return true;
end

--- Why it is not known who is blocked, or nil when it is.
function blocked.unknown()
	return not state.domains and (state.reason or "the block list was not read") or nil;
end

--- The list in force, another table for each one that was read; nil when none was.
function blocked.current()
	return state.domains;
end

--- Whether a domain is blocked. Asked several times a stanza.
-- @param name A-labels, or nil
function blocked.covers(name)
	if state.empty or not name then return false; end
	if state.domains[name] then return true; end
	if not state.wide then return false; end
	local dot = name:find(".", 1, true);
	while dot do
		name = name:sub(dot + 1);
		local entry = state.domains[name];
		if entry and entry.subdomains then return true; end
		dot = name:find(".", 1, true);
	end
	return false;
end

local function or_null(value)
	if value == nil then return json.null; end
	return value;
end

--- For the status file: the list in force, null while none is known, and why it is not the file's.
function blocked.describe()
	local list = array();
	for domain, entry in pairs(state.domains or {}) do
		list:push({
			domain = domain; since = entry.since; reason = entry.reason; by = entry.by; subdomains = entry.subdomains;
		});
	end
	table.sort(list, function (a, b) return a.domain < b.domain; end);
	return {
		digest = or_null(state.digest); reason = or_null(state.reason); domains = state.domains and list or json.null;
	};
end

--- For `module.save`, so that a reload of the module forgets no block.
function blocked.save()
	return { domains = state.domains; digest = state.digest };
end

--- @param saved what `blocked.save` returned, or nil
function blocked.restore(saved)
	if saved and saved.domains then take(saved.domains, saved.digest); end
end

return blocked;
