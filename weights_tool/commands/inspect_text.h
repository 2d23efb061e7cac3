// Numbers and tables as text, for the reports of `inspect`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mote::tool {

// "1 234 567".
std::string grouped(int64_t value);
// "0.053": `digits` after the point.
std::string fixed(double value, int digits);
// Columns two spaces apart, as wide as their widest cell; right[c]: numbers. Rows may be shorter than `right`.
std::string table_text(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);

}  // namespace mote::tool
