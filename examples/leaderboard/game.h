// The game: guess a number, told only whether it is higher or lower; the fewer guesses, the more
// points. Owns the players and their runs. Never speaks: what a guess led to is returned.
#pragma once

#include <lattice_managed.h>
#include <string.h>

constexpr uint32_t kHighest = 1000; // numbers are 1 to this; ten guesses find each of them
constexpr uint32_t kMostPoints = 11;
constexpr uint32_t kMaxPlayers = 32;
constexpr uint32_t kMaxName = 24; // bytes

struct Player {
    uint32_t id = 0; // 0: the seat is free
    char name[kMaxName + 1] = "";
    uint32_t number = 0; // to be guessed
    uint32_t guesses = 0;
    uint32_t solved = 0; // numbers of this run
    uint32_t points = 0; // of this run
    uint32_t runs = 0;   // finished
};

enum class Guess : uint8_t { higher, lower, right };

struct Game {
    Player players[kMaxPlayers];
    lattice_rng rng;
};

// Takes as much of the name as fits, without cutting a character; control characters become spaces.
inline void set_name(Player &player, const uint8_t *name, uint32_t size) {
    uint32_t fits = size < kMaxName ? size : kMaxName;
    while (fits < size && fits > 0 && (name[fits] & 0xc0) == 0x80) fits--;
    for (uint32_t i = 0; i < fits; i++)
        player.name[i] = name[i] < 0x20 || name[i] == 0x7f ? ' ' : char(name[i]);
    player.name[fits] = 0;
    if (fits == 0) strcpy(player.name, "nobody");
}

inline Player *find_player(Game &game, uint32_t id) {
    for (Player &player : game.players)
        if (player.id == id) return &player;
    return nullptr;
}

inline void pick_number(Game &game, Player &player) {
    player.number = 1 + lattice_rng_below(&game.rng, kHighest);
    player.guesses = 0;
}

inline void begin_run(Game &game, Player &player) {
    player.solved = player.points = 0;
    pick_number(game, player);
}

// Null if every seat is taken.
inline Player *add_player(Game &game, uint32_t id, const uint8_t *name, uint32_t size) {
    Player *player = find_player(game, 0);
    if (!player) return nullptr;
    *player = Player();
    player->id = id;
    set_name(*player, name, size);
    begin_run(game, *player);
    return player;
}

// What the number is, seen from the guess. Right ones add their points and pick the next number.
inline Guess guess(Game &game, Player &player, uint32_t number) {
    player.guesses++;
    if (number != player.number) return number < player.number ? Guess::higher : Guess::lower;
    player.points += player.guesses < kMostPoints ? kMostPoints - player.guesses : 1;
    player.solved++;
    pick_number(game, player);
    return Guess::right;
}

// A number of 1 to kHighest in decimal without leading zeros; 0 for anything else.
inline uint32_t parse_guess(const uint8_t *text, uint32_t size) {
    uint32_t number = 0;
    if (size == 0 || size > 4 || text[0] == '0') return 0;
    for (uint32_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return 0;
        number = number * 10 + (text[i] - '0');
    }
    return number <= kHighest ? number : 0;
}
