// collide.h - where two shapes touch: at most two points, with how deep.
//
// Owns: narrow phase by separating axes and clipping. Never: impulses.
#pragma once

#include <algorithm>
#include <cfloat>

#include "body.h"
#include "course.h"

struct Touch {
    Vec2 at;
    float depth;       // > 0: they overlap so far
    unsigned feature;  // which corners and edges made it: the same one in the next tick
};

struct Manifold {
    Vec2 normal;  // from the first body to the second
    int count = 0;
    Touch touches[2];
    void add(Vec2 at, float depth, unsigned feature) {
        if (count < 2) touches[count++] = {at, depth, feature};
    }
};

namespace collide {

inline Manifold circles(const Body &a, const Body &b) {
    Manifold m;
    Vec2 between = b.position - a.position;
    float gap = length(between), reach = a.shape->circle()->radius + b.shape->circle()->radius;
    if (gap >= reach) return m;
    m.normal = gap > 1e-6f ? (1 / gap) * between : Vec2{0, 1};
    m.add(a.position + a.shape->circle()->radius * m.normal, reach - gap, 0);
    return m;
}

// The circle's centre against the polygon's nearest edge or corner.
inline Manifold polygon_circle(const Body &a, const Body &b) {
    const Polygon &p = *a.shape->polygon();
    float radius = b.shape->circle()->radius, nearest = -FLT_MAX;
    Vec2 centre = a.turn.inverse(b.position - a.position);
    Manifold m;
    int edge = 0;
    for (int i = 0; i < p.count; ++i) {
        float gap = dot(p.normals[i], centre - p.corners[i]);
        if (gap > radius) return m;
        if (gap > nearest) nearest = gap, edge = i;
    }
    Vec2 from = p.corners[edge], along = p.next(edge) - from;
    float t = dot(centre - from, along) / dot(along, along);
    Vec2 point = from + std::min(std::max(t, 0.0f), 1.0f) * along, out = centre - point;
    float gap = length(out);
    if (nearest <= 0 || gap < 1e-6f) out = p.normals[edge], gap = nearest;
    else out = (1 / gap) * out;
    if (gap >= radius) return m;
    m.normal = a.turn(out);
    m.add(a.position + a.turn(point), radius - gap, unsigned(edge));
    return m;
}

// The edge of `p` that separates it most from `q`, and by how much (in p's frame).
inline float most_separating(const Body &a, const Body &b, int *edge) {
    const Polygon &p = *a.shape->polygon(), &q = *b.shape->polygon();
    float most = -FLT_MAX;
    Vec2 corners[Polygon::MOST];
    for (int j = 0; j < q.count; ++j)
        corners[j] = a.turn.inverse(b.position + b.turn(q.corners[j]) - a.position);
    for (int i = 0; i < p.count; ++i) {
        float least = FLT_MAX;
        for (int j = 0; j < q.count; ++j) least = fminf(least, dot(p.normals[i], corners[j] - p.corners[i]));
        if (least > most) most = least, *edge = i;
    }
    return most;
}

// Cuts the segment to the side of the line where dot(normal, x) <= limit; false if nothing is left.
inline bool clip(Vec2 segment[2], Vec2 normal, float limit) {
    float d0 = dot(normal, segment[0]) - limit, d1 = dot(normal, segment[1]) - limit;
    if (d0 > 0 && d1 > 0) return false;
    if (d0 > 0) segment[0] = segment[0] + (d0 / (d0 - d1)) * (segment[1] - segment[0]);
    if (d1 > 0) segment[1] = segment[1] + (d1 / (d1 - d0)) * (segment[0] - segment[1]);
    return true;
}

// The edge of `other` that faces the reference edge, clipped to the reference edge's sides.
inline Manifold clip_edges(const Body &a, const Body &b, int edge, bool flipped) {
    const Polygon &p = *a.shape->polygon(), &q = *b.shape->polygon();
    Vec2 normal = a.turn(p.normals[edge]), tangent = {-normal.y, normal.x};
    Vec2 v0 = a.position + a.turn(p.corners[edge]), v1 = a.position + a.turn(p.next(edge));
    int facing = 0;
    float least = FLT_MAX;
    for (int j = 0; j < q.count; ++j) {
        float d = dot(normal, b.turn(q.normals[j]));
        if (d < least) least = d, facing = j;
    }
    Vec2 segment[2] = {b.position + b.turn(q.corners[facing]), b.position + b.turn(q.next(facing))};
    Manifold m;
    if (!clip(segment, -tangent, -dot(tangent, v0)) || !clip(segment, tangent, dot(tangent, v1))) return m;
    m.normal = flipped ? -normal : normal;
    for (int k = 0; k < 2; ++k) {
        float depth = dot(normal, v0 - segment[k]);
        if (depth > 0) m.add(segment[k], depth, unsigned(edge) << 8 | unsigned(facing) << 2 | unsigned(k) << 1 | flipped);
    }
    return m;
}

inline Manifold polygons(const Body &a, const Body &b) {
    int edge_a = 0, edge_b = 0;
    float gap_a = most_separating(a, b, &edge_a), gap_b = most_separating(b, a, &edge_b);
    if (gap_a > 0 || gap_b > 0) return Manifold();
    bool flipped = gap_b > gap_a + 0.001f;  // prefer the first, so that the choice does not flicker
    return flipped ? clip_edges(b, a, edge_b, true) : clip_edges(a, b, edge_a, false);
}

inline Manifold bodies(const Body &a, const Body &b) {
    if (a.shape->circle() && b.shape->circle()) return circles(a, b);
    if (b.shape->circle()) return polygon_circle(a, b);
    if (!a.shape->circle()) return polygons(a, b);
    Manifold m = polygon_circle(b, a);
    m.normal = -m.normal;
    return m;
}

// Against the ground, which is the first body: the two corners (or the circle's foot) below it.
inline Manifold ground(int course, const Body &b) {
    Manifold m;
    if (const Circle *c = b.shape->circle()) {
        course::Ground g = course::ground(course, b.position.x);
        float depth = c->radius - (b.position.y - g.height) * g.normal.y;
        m.normal = g.normal;
        if (depth > 0) m.add(b.position - c->radius * g.normal, depth, 0);
        return m;
    }
    const Polygon &p = *b.shape->polygon();
    for (int i = 0; i < p.count; ++i) {
        Vec2 corner = b.position + b.turn(p.corners[i]);
        course::Ground g = course::ground(course, corner.x);
        float depth = (g.height - corner.y) * g.normal.y;
        if (depth <= 0) continue;
        if (m.count == 0 || depth > m.touches[0].depth) m.normal = g.normal;
        if (m.count == 2 && depth > std::min(m.touches[0].depth, m.touches[1].depth))
            m.touches[m.touches[1].depth < m.touches[0].depth] = {corner, depth, unsigned(i)};
        else
            m.add(corner, depth, unsigned(i));
    }
    return m;
}

}
