// What a match's config blob may say: `key=value` pairs parted by spaces or newlines, for example
// "scores=http://127.0.0.1:9000/scores numbers=3". Owns the keys, their ranges and defaults. Never
// judges the URL: the platform does, by the operator's allow-list.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

constexpr uint32_t kMaxUrl = 512;

struct Settings {
    char scores[kMaxUrl + 1] = ""; // the leaderboard's URL; "": there is none
    uint32_t numbers = 3;          // to be guessed in a run
};

// One pair, without the space around it. Null, or what is wrong with it.
inline const char *parse_pair(const char *pair, uint32_t size, Settings &settings) {
    if (size > 7 && memcmp(pair, "scores=", 7) == 0) {
        if (size - 7 > kMaxUrl) return "scores is a URL of at most 512 bytes";
        memcpy(settings.scores, pair + 7, size - 7);
        settings.scores[size - 7] = 0;
        return nullptr;
    }
    if (size > 8 && memcmp(pair, "numbers=", 8) == 0) {
        if (size != 9 || pair[8] < '1' || pair[8] > '9') return "numbers is 1 to 9";
        settings.numbers = uint32_t(pair[8] - '0');
        return nullptr;
    }
    return "the settings are scores=URL and numbers=1..9";
}

// Reads the blob. Null, or the first complaint.
inline const char *parse_settings(const char *blob, uint32_t size, Settings &settings) {
    uint32_t at = 0;
    while (at < size) {
        uint32_t end = at;
        while (end < size && uint8_t(blob[end]) > ' ') end++;
        const char *complaint = end > at ? parse_pair(blob + at, end - at, settings) : nullptr;
        if (complaint) return complaint;
        at = end + 1;
    }
    return nullptr;
}
