// tampered.cpp - the arena, with a way out added: it asks for a shell and for a file descriptor.
//
// Must get: refused at the upload, with env.system and env.fd_write named. Nothing is stored.
#include "../arena/game_sim.cpp"

extern "C" int system(const char *command);
extern "C" int32_t fd_write(int32_t file, const void *pieces, uint32_t count, uint32_t *written);

// Where nobody looks: a game plays the same with and without it.
LATTICE_EXPORTED(debug_dump) int32_t debug_dump(void) {
    const char loot[] = "uid=0(root)";
    const void *pieces[] = {loot, (const void *)sizeof loot};
    uint32_t written = 0;
    return system("id > /tmp/loot") == 0 ? fd_write(1, pieces, 1, &written) : LATTICE_INVALID;
}
