--- Whether the policy file is as it was written: its own digest, its rights, and whether it changed behind our back.
--
-- From format 2 on the file holds the key `digest`: the SHA-256 of the file's bytes with 64 zeros in the digest's
-- place. So the order of keys does not matter, and nothing is parsed to check it. That shows accidents and edits by
-- hand; who may write the file may also work out a digest.

local lfs = require "lfs";
local pposix = require "util.pposix";
local sha256 = require "util.hashes".sha256;

local BLANK = ("0"):rep(64);
-- The top-level key of canonical text: no raw line break can stand inside a JSON string, and deeper keys are indented
-- more.
local KEY = '\n "digest": "';

local integrity = {};

--- Check the digest in a file.
-- @param bytes of the file; data: the same, decoded
-- @return true, or nil and what is wrong
function integrity.check(bytes, data)
	if data.format == 1 then return true; end
	local _, key_end = bytes:find(KEY, 1, true);
	local found = key_end and bytes:match("^%x+", key_end + 1);
	if not found or #found ~= 64 or found ~= data.digest or bytes:find(KEY, key_end, true) then
		return nil, "it does not hold its own digest";
	end
	local blanked = bytes:sub(1, key_end) .. BLANK .. bytes:sub(key_end + 65);
	if sha256(blanked, true) ~= found then return nil, "it was changed after it was written: its digest is another"; end
	return true;
end

--- Who may write a file: root or the server itself, and not everybody.
-- @return true, or nil and what is wrong
local function check_rights(path)
	local facts, problem = lfs.attributes(path);
	if not facts then return nil, problem; end
	if facts.permissions:sub(8, 8) == "w" then return nil, "everybody may write it"; end
	if facts.uid ~= 0 and facts.uid ~= pposix.getuid() then
		return nil, ("it belongs to user id %d"):format(facts.uid);
	end
	return true;
end

--- @return the bytes of a file that only root or the server may write, or nil and what is wrong
function integrity.read(path)
	local file, problem = io.open(path, "rb");
	if not file then return nil, problem; end
	local bytes = file:read("*a");
	file:close();
	if not bytes then return nil, ("%s cannot be read"):format(path); end
	local ok;
	ok, problem = check_rights(path);
	if not ok then return nil, ("%s is no policy: %s"):format(path, problem); end
	return bytes;
end

--- What changes when somebody touches a file: cheap to ask. Times are whole seconds, so a file that was touched in this
-- one may yet change without a sign.
-- @return a string, also for a file that is missing; nil for one that was touched just now
function integrity.signature(path)
	local facts = lfs.attributes(path);
	if not facts then return "missing"; end
	if os.time() - facts.change < 2 then return nil; end
	return table.concat({ facts.ino, facts.size, facts.modification, facts.change, facts.permissions, facts.uid }, " ");
end

return integrity;
