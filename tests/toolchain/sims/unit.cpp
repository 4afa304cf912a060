// unit.cpp - another file of statics.cpp's sim, which does not include lattice_managed.h.
#include <algorithm>
#include <cstring>

struct Counts { int constructed, destroyed, units; };
extern Counts counts;

struct Loud {
    char text[200];
    Loud() { ++counts.units; std::memset(text, 7, sizeof text); }
    ~Loud() { counts.units = -1; }
};
static Loud first;
Loud second = first;

int *sorted(int count) {
    int *items = new int[size_t(count)];
    for (int i = 0; i < count; ++i) items[i] = (i * 7919) % count;
    std::sort(items, items + count);
    return items;
}
