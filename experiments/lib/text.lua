-- Columns of text.
local text = {}

-- Prints lines of cells under a head, the first column to the left, the others to the right.
function text.print_table(head, lines)
  local widths, all = {}, { head, table.unpack(lines) }
  for _, line in ipairs(all) do
    for i, cell in ipairs(line) do widths[i] = math.max(widths[i] or 0, utf8.len(cell) or #cell) end
  end
  for _, line in ipairs(all) do
    local cells = {}
    for i, cell in ipairs(line) do
      local space = (" "):rep(widths[i] - (utf8.len(cell) or #cell))
      cells[i] = i == 1 and cell .. space or space .. cell
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

return text
