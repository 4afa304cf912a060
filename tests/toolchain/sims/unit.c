// unit.c - a C file of a sim, which does not include lattice_managed.h but copies structs.
struct Big { char bytes[300]; };

struct Big copied(const struct Big *from) {
    struct Big copy = *from;
    copy.bytes[0] = 1;
    return copy;
}
