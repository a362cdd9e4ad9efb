--- The rows of all partners, packed: reads like a table of rows by domain, and is some strings. Pure functions.
--
-- The garbage collector visits every table and every string that lives, over and over while stanzas pass. Ten thousand
-- rows as tables made each stanza of anybody a twentieth dearer; a string is one visit, however long it is.
--
-- Domains stand in order, in blocks of lines: domain, number of a shape, partner. A shape is what rows have beside
-- their partner, and most rows have the same few. Each look-up makes a row of its own: who needs one for each stanza
-- keeps it (fedgate_verdicts).

local LINES = 64; -- of a block
local LINE = "%s\t%d\t%s";

local book = {};

local function is_word(text)
	return type(text) == "string" and not text:find("%c");
end

--- What a row has beside its partner, as a text. Two orders of the same things make two shapes of it, no harm.
local function signature(row)
	local found = {};
	for name, value in pairs(row) do
		if name ~= "partner" then found[#found + 1] = ("%s\t%s\t%s"):format(name, type(value), tostring(value)); end
	end
	return table.concat(found, "\n");
end

local function copy(row, partner)
	local found = {};
	for name, value in pairs(row) do found[name] = value; end
	found.partner = partner;
	return found;
end

local function number_of(shapes, numbers, row)
	local text = signature(row);
	if not numbers[text] then
		shapes[#shapes + 1] = copy(row, nil);
		numbers[text] = #shapes;
	end
	return numbers[text];
end

--- The block that a domain would stand in, or nil.
local function block_of(content, domain)
	local firsts = content.firsts;
	local low, high = 0, #firsts;
	while low < high do
		local middle = math.ceil((low + high) / 2);
		if firsts[middle] <= domain then low = middle; else high = middle - 1; end
	end
	return content.blocks[low];
end

local function find(content, domain)
	local block = is_word(domain) and block_of(content, domain);
	if not block then return nil; end
	local _, found = block:find("\n" .. domain .. "\t", 1, true);
	if not found then return nil; end
	local number, partner = block:match("^(%d+)\t([^\n]*)", found + 1);
	return copy(content.shapes[tonumber(number)], partner);
end

--- Pack rows.
-- @param rows domain to row, whose partner is a name; neither has control characters
-- @return what gives the same rows by domain; it cannot be changed
function book.pack(rows)
	local names, numbers = {}, {};
	for domain in pairs(rows) do names[#names + 1] = domain; end
	table.sort(names);
	local content = { firsts = {}; blocks = {}; shapes = {} };
	for first = 1, #names, LINES do
		local lines = {};
		for index = first, math.min(first + LINES - 1, #names) do
			local domain, row = names[index], rows[names[index]];
			if not (is_word(domain) and is_word(row.partner)) then error("the row of " .. domain .. " cannot be packed"); end
			lines[#lines + 1] = LINE:format(domain, number_of(content.shapes, numbers, row), row.partner);
		end
		content.firsts[#content.firsts + 1] = names[first];
		content.blocks[#content.blocks + 1] = "\n" .. table.concat(lines, "\n") .. "\n";
	end
	return setmetatable({}, {
		content = content;
		__index = function (_, domain) return find(content, domain); end;
		__newindex = function () error("the rows of a policy cannot be changed"); end;
	});
end

--- Walk over all rows.
-- @param rows packed ones; visit takes a domain, and its row without the partner, which is not to be changed
function book.each(rows, visit)
	local content = getmetatable(rows).content;
	for _, block in ipairs(content.blocks) do
		for domain, number in block:gmatch("([^\n\t]+)\t(%d+)\t[^\n]*") do
			visit(domain, content.shapes[tonumber(number)]);
		end
	end
end

return book;
