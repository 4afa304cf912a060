// inventory.cpp - a camp's store room: players put things in and take them out, and see the list.
//
// It is here for its containers: strings, a hash map that is walked, a sort with equal keys and
// printed floats, all of which two C++ libraries would do in two ways. `lattice build --native` gives
// the module and the native program the same one.
//
// A message is a kind, and a number that names a thing: 0 put, 1 take, 2 ask for the list.
#include <lattice_managed.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

enum Kind : uint8_t { PUT, TAKE, LIST };

struct Thing {
    std::string name;
    uint32_t weight;  // in grams
};

class StoreRoom {
public:
    void put(const Thing &thing) {
        Shelf &shelf = shelves[thing.name];
        shelf.weight = thing.weight;
        ++shelf.count;
    }

    bool take(const Thing &thing) {
        auto found = shelves.find(thing.name);
        if (found == shelves.end()) return false;
        if (--found->second.count == 0) shelves.erase(found);
        return true;
    }

    // The most frequent things first. What is equally frequent stays where the sort leaves it.
    std::string list() const {
        std::vector<std::pair<std::string, Shelf>> lines(shelves.begin(), shelves.end());
        std::sort(lines.begin(), lines.end(), [](const Line &a, const Line &b) { return a.second.count > b.second.count; });
        std::string text;
        for (const Line &line : lines) text += std::to_string(line.second.count) + " " + line.first + "\n";
        return text + "mean weight " + std::to_string(mean_weight()) + " kg\n";
    }

    // In the order of the map.
    uint64_t digest() const {
        uint64_t hash = LATTICE_HASH_SEED;
        for (const auto &shelf : shelves) {
            hash = lattice_hash_bytes(hash, shelf.first.data(), static_cast<uint32_t>(shelf.first.size()));
            hash = lattice_hash_u32(hash, shelf.second.count);
        }
        return hash;
    }

private:
    struct Shelf {
        uint32_t count = 0, weight = 0;
    };
    using Line = std::pair<std::string, Shelf>;

    double mean_weight() const {
        double grams = 0, count = 0;
        for (const auto &shelf : shelves) {
            grams += double(shelf.second.weight) * shelf.second.count;
            count += shelf.second.count;
        }
        return count == 0 ? 0 : grams / count / 1000;
    }

    std::unordered_map<std::string, Shelf> shelves;
};

StoreRoom room;

Thing thing(uint8_t number) {
    static const char *const KINDS[] = {"rope", "lantern", "flask", "tent", "boot"};
    static const char *const MAKES[] = {"old", "new", "patched", "nobody's"};
    std::string name = std::string(MAKES[number % 4]) + " " + KINDS[number / 4 % 5];
    return {name + " no. " + std::to_string(number % 40), 130u + number * 7u};
}

void tell(uint32_t player, const std::string &text) {
    lattice_ms_send(player, text.data(), static_cast<uint32_t>(text.size()), 0);
}

void obey(const lattice_event *event) {
    const uint8_t *said = lattice_event_payload(event);
    if (event->payload_len < 2) return tell(event->player, "a kind and a thing, please\n");
    const Thing meant = thing(said[1]);
    switch (said[0]) {
        case PUT: return room.put(meant);
        case TAKE: return tell(event->player, (room.take(meant) ? "here is the " : "there is no ") + meant.name + "\n");
        case LIST: return tell(event->player, room.list());
        default: return tell(event->player, "nobody here can do that\n");
    }
}

}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) {
    for (uint8_t number = 0; number < 60; ++number) room.put(thing(number));
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t) {
    while (const lattice_event *event = lattice_next_event()) {
        if (event->type == LATTICE_EVENT_JOIN) tell(event->player, room.list());
        if (event->type == LATTICE_EVENT_MESSAGE) obey(event);
    }
    return LATTICE_CONTINUE;
}

LATTICE_EXPORT int64_t lattice_sim_hash(void) { return static_cast<int64_t>(room.digest()); }
