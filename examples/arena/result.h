// The match's result, as JSON for whoever made the match; and the winner in it.
#pragma once

#include "protocol.h"

// Room for every player with a name that is escaped throughout.
typedef Text<128 + kMaxPlayers * (80 + 2 * kMaxName)> Result;

// The slot with the most kills, then the fewest deaths; nobody where two are equal or none scored.
inline uint8_t find_winner(const World &world) {
    const Player *best = nullptr;
    bool tied = true;
    for (const Player &player : world.players) {
        if (!player.present || player.kills == 0) continue;
        int lead = best ? int(player.kills) - int(best->kills) : 1;
        if (lead == 0) lead = int(best->deaths) - int(player.deaths);
        if (lead > 0) best = &player;
        if (lead >= 0) tied = lead == 0;
    }
    return tied ? kNobody : slot_of(world, *best);
}

inline void add_standing(Result &result, const Player &player) {
    result.add("{\"player\":").add(player.id).add(",\"name\":").add_json(player.name, player.name_size);
    result.add(",\"kills\":").add(uint32_t(player.kills));
    result.add(",\"deaths\":").add(uint32_t(player.deaths)).add('}');
}

// {"reason":"score","winner":2,"ticks":900,"players":[{"player":2,"name":"Ada","kills":9,"deaths":4}]}
// with the players who are there at the end, by slot.
inline Result describe_result(const World &world, OverReason reason, uint8_t winner) {
    const char *const kReasons[] = {"score", "time", "stopped"};
    Result result;
    result.add("{\"reason\":\"").add(kReasons[int(reason)]).add("\",\"winner\":");
    if (winner == kNobody) result.add("null");
    else result.add(world.players[winner].id);
    result.add(",\"ticks\":").add(world.tick).add(",\"players\":[");
    bool first = true;
    for (const Player &player : world.players) {
        if (!player.present) continue;
        if (!first) result.add(',');
        first = false;
        add_standing(result, player);
    }
    result.add("]}");
    return result;
}
