// world.h - all bodies of a match, and one step of their motion.
//
// Owns: the bodies, the broad phase, the order of everything. Never: players, messages, ticks.
#pragma once

#include <cstdlib>

#include "contact.h"

// A growing array that moves its items by memcpy.
template <class T> class List {
public:
    ~List() { std::free(items); }
    List() = default;
    List(const List &) = delete;
    List &operator=(const List &) = delete;

    void add(const T &item) {
        if (used == room) {
            room = room ? 2 * room : 64;
            items = static_cast<T *>(std::realloc(items, sizeof(T) * size_t(room)));
        }
        items[used++] = item;
    }
    void clear() { used = 0; }
    int size() const { return used; }
    T &operator[](int i) { return items[i]; }
    T *begin() { return items; }
    T *end() { return items + used; }
    void swap(List &other) {
        std::swap(items, other.items);
        std::swap(used, other.used);
        std::swap(room, other.room);
    }

private:
    T *items = nullptr;
    int used = 0, room = 0;
};

class World {
public:
    static const int MOST_BODIES = 512, ITERATIONS = 12;
    Body bodies[MOST_BODIES];
    int count = 0;

    World(int course, float dt) : course(course), dt(dt) {}

    // The new body's number, or -1 when there are too many.
    int add(const Body &body) {
        if (count == MOST_BODIES) return -1;
        bodies[count] = body;
        order[count] = count;
        return count++;
    }

    void step() {
        for (int i = 0; i < count; ++i) bodies[i].accelerate({0, -9.81f}, dt);
        find_contacts();
        for (Contact &c : contacts) c.warm_start();
        for (int i = 0; i < ITERATIONS; ++i)
            for (Contact &c : contacts) c.solve();
        for (int i = 0; i < count; ++i) bodies[i].move(dt);
    }

    int touching() const { return contacts.size(); }
    float ground(float x) const { return course::ground(course, x).height; }

private:
    const int course;
    const float dt;
    Box boxes[MOST_BODIES];
    int order[MOST_BODIES];  // bodies by the left end of their boxes: nearly sorted from tick to tick
    List<Contact> contacts, before;

    void find_contacts() {
        before.swap(contacts);
        contacts.clear();
        sort_by_left();
        for (int i = 0; i < count; ++i) add_contact(nullptr, &bodies[i], collide::ground(course, bodies[i]));
        for (int i = 0; i < count; ++i) sweep(i);
        std::sort(contacts.begin(), contacts.end(), [](const Contact &a, const Contact &b) { return a.key < b.key; });
        inherit();
    }

    void sort_by_left() {
        for (int i = 0; i < count; ++i) boxes[i] = bodies[i].bounds();
        for (int i = 1; i < count; ++i) {
            int body = order[i], to = i;
            for (; to > 0 && boxes[order[to - 1]].low.x > boxes[body].low.x; --to) order[to] = order[to - 1];
            order[to] = body;
        }
    }

    // All pairs of the i-th body from the left with those that begin before it ends.
    void sweep(int i) {
        int a = order[i];
        for (int j = i + 1; j < count && boxes[order[j]].low.x <= boxes[a].high.x; ++j) {
            int b = order[j];
            if (!overlap(boxes[a], boxes[b])) continue;
            Body *first = &bodies[std::min(a, b)], *second = &bodies[std::max(a, b)];
            add_contact(first, second, collide::bodies(*first, *second));
        }
    }

    void add_contact(Body *a, Body *b, const Manifold &m) {
        if (m.count == 0) return;
        unsigned long long first = a ? (unsigned long long)(a - bodies) + 1 : 0, second = (unsigned long long)(b - bodies);
        contacts.add(Contact(first << 32 | second, a, b, m, dt));
    }

    // Both lists are sorted by key: one walk finds the pairs that touched a tick ago.
    void inherit() {
        int old = 0;
        for (Contact &c : contacts) {
            while (old < before.size() && before[old].key < c.key) ++old;
            if (old < before.size() && before[old].key == c.key) c.inherit(before[old]);
        }
    }
};
