// The top ten, as the service tells it and as the players hear it. Owns the reading of one JSON
// form, {"Scores":[{"Name":"Ada","Points":27},...]}, and nothing else of JSON: an answer comes from
// outside, so whatever is not exactly this, or is longer than it may be, is refused whole.
#pragma once

#include "game.h"
#include <stdio.h>

constexpr uint32_t kTop = 10;
constexpr uint32_t kMaxPoints = 1000000;

struct Score {
    char name[kMaxName + 1];
    uint32_t points;
};

struct Standings {
    Score scores[kTop];
    uint32_t count = 0;
};

// A cursor over JSON. Once something is missing `failed` is set, and nothing is read any more.
struct Json {
    const uint8_t *at, *end;
    bool failed = false;

    void skip_space() {
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
    }

    // Takes the character if it is the next one.
    bool take(char c) {
        skip_space();
        if (failed || at == end || *at != uint8_t(c)) return false;
        at++;
        return true;
    }

    void expect(char c) {
        if (!take(c)) failed = true;
    }

    // A string of at most `room - 1` bytes. Of the escapes only those that a name can need.
    void read_string(char *to, uint32_t room) {
        uint32_t size = 0;
        expect('"');
        while (!failed && at < end && *at != '"') {
            bool escaped = *at == '\\' && ++at < end;
            bool known = at < end && (!escaped || *at == '"' || *at == '\\' || *at == '/');
            if (!known || *at < 0x20 || size + 1 >= room) failed = true;
            else to[size++] = char(*at++);
        }
        to[size] = 0;
        if (failed || at == end) failed = true;
        else at++;
    }

    void expect_key(const char *key) {
        char found[16];
        read_string(found, sizeof found);
        if (strcmp(found, key) != 0) failed = true;
        expect(':');
    }

    // A whole number from 0 to `most`, in digits.
    uint32_t read_number(uint32_t most) {
        uint32_t number = 0, digits = 0;
        skip_space();
        for (; !failed && at < end && *at >= '0' && *at <= '9'; at++, digits++) {
            number = number * 10 + (*at - '0');
            if (number > most) failed = true;
        }
        if (digits == 0) failed = true;
        return number;
    }
};

inline void read_score(Json &json, Score &score) {
    json.expect('{');
    json.expect_key("Name");
    json.read_string(score.name, sizeof score.name);
    json.expect(',');
    json.expect_key("Points");
    score.points = json.read_number(kMaxPoints);
    json.expect('}');
}

// Reads a whole answer. False, and `standings` as they were, for anything but the form above.
inline bool parse_standings(const uint8_t *body, uint32_t size, Standings &standings) {
    Json json{body, body + size};
    Standings read;
    json.expect('{');
    json.expect_key("Scores");
    json.expect('[');
    for (bool more = !json.take(']'); more && !json.failed; more = !json.take(']')) {
        if (read.count > 0) json.expect(',');
        if (read.count == kTop) json.failed = true;
        else read_score(json, read.scores[read.count++]);
    }
    json.expect('}');
    json.skip_space();
    if (json.failed || json.at != json.end) return false;
    standings = read;
    return true;
}

// "top 2\n27 Ada\n20 Bob", for the players. Returns its length.
inline uint32_t describe_standings(const Standings &standings, char *to, uint32_t room) {
    uint32_t size = uint32_t(snprintf(to, room, "top %u", standings.count));
    for (uint32_t i = 0; i < standings.count; i++) {
        const Score &score = standings.scores[i];
        size += uint32_t(snprintf(to + size, room - size, "\n%u %s", score.points, score.name));
    }
    return size;
}

// {"Name":"Ada","Points":27}, at most kScoreJson bytes with the 0 behind it. Returns its length.
constexpr uint32_t kScoreJson = 48 + 2 * kMaxName;
inline uint32_t describe_score(const Score &score, char *to) {
    char name[2 * kMaxName + 1];
    uint32_t size = 0;
    for (const char *c = score.name; *c; c++) {
        if (*c == '"' || *c == '\\') name[size++] = '\\';
        name[size++] = *c;
    }
    name[size] = 0;
    return uint32_t(snprintf(to, kScoreJson, "{\"Name\":\"%s\",\"Points\":%u}", name, score.points));
}
