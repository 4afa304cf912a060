// What a match's config blob may say: `key=value` pairs, decimal numbers, parted by spaces or
// newlines, for example "score_limit=10 seconds=120". Owns the keys, their ranges and defaults.
#pragma once

#include "text.h"
#include <stdint.h>

struct Settings {
    uint32_t width, height; // arena units
    uint32_t score_limit;   // kills that win the match; 0: none
    uint32_t seconds;       // length of the match; 0: none
    uint32_t boulders;
};

struct Setting {
    const char *key;
    uint32_t Settings::*value;
    uint32_t low, high, normal;
};

// 4,000 units fit the protocol's 16-bit sixteenths.
constexpr Setting kSettings[] = {
    {"width", &Settings::width, 800, 4000, 1600},
    {"height", &Settings::height, 600, 4000, 900},
    {"score_limit", &Settings::score_limit, 0, 1000, 20},
    {"seconds", &Settings::seconds, 0, 60000, 0},
    {"boulders", &Settings::boulders, 0, 12, 6},
};

typedef Text<256> Complaint;

namespace settings_detail {

inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// The length of `key` if the pair begins with it and `=`, else 0.
inline uint32_t match_key(const char *pair, uint32_t size, const char *key) {
    uint32_t i = 0;
    while (key[i] && i < size && pair[i] == key[i]) i++;
    return !key[i] && i < size && pair[i] == '=' ? i : 0;
}

// A decimal number of 1 to 6 digits.
inline bool parse_number(const char *digits, uint32_t size, uint32_t *number) {
    *number = 0;
    for (uint32_t i = 0; i < size; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        *number = *number * 10 + uint32_t(digits[i] - '0');
    }
    return size >= 1 && size <= 6;
}

inline bool complain_of_key(const char *pair, uint32_t size, Complaint &complaint) {
    complaint.add("config: no such setting: ").add_json(pair, size < 40 ? size : 40).add("; known:");
    for (const Setting &setting : kSettings) complaint.add(' ').add(setting.key);
    return false;
}

inline bool complain_of_value(const Setting &setting, Complaint &complaint) {
    complaint.add("config: ").add(setting.key).add(" must be a whole number from ");
    complaint.add(setting.low).add(" to ").add(setting.high);
    return false;
}

inline bool parse_pair(const char *pair, uint32_t size, Settings &settings, Complaint &complaint) {
    for (const Setting &setting : kSettings) {
        uint32_t key = match_key(pair, size, setting.key);
        if (!key) continue;
        uint32_t number;
        if (!parse_number(pair + key + 1, size - key - 1, &number) || number < setting.low ||
            number > setting.high)
            return complain_of_value(setting, complaint);
        settings.*setting.value = number;
        return true;
    }
    return complain_of_key(pair, size, complaint);
}

} // namespace settings_detail

// Reads the blob into `settings`, defaults where it says nothing. False with the first complaint.
inline bool parse_settings(const char *blob, uint32_t size, Settings &settings,
                           Complaint &complaint) {
    for (const Setting &setting : kSettings) settings.*setting.value = setting.normal;
    uint32_t at = 0;
    while (at < size) {
        uint32_t end = at;
        while (end < size && !settings_detail::is_space(blob[end])) end++;
        if (end > at && !settings_detail::parse_pair(blob + at, end - at, settings, complaint))
            return false;
        at = end + 1;
    }
    return true;
}
