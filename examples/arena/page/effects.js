// Short-lived sparks, rings and tremors: what makes a hit felt. They follow from the states and
// never influence anything.

import { slotColour } from "./palette.js";

const MOST_PARTICLES = 400;
const TRAIL_MS = 90;

export class Effects {
  #particles = [];
  #rings = [];
  #shots = new Map(); // of the last frame, to see which are gone
  #tremor = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** How far the picture shakes now, in units. */
  tremor(now) {
    const size = this.#calm ? 0 : this.#tremor;
    return { x: Math.sin(now * 0.09) * size, y: Math.cos(now * 0.11) * size };
  }

  hit({ x, y, shooter }) {
    this.#burst(x, y, slotColour(shooter, 15), 10, 260);
    this.#ring(x, y, slotColour(shooter), 26, 260);
  }

  kill(victim, own) {
    this.#burst(victim.x, victim.y, slotColour(victim.slot), 46, 420);
    this.#burst(victim.x, victim.y, "#ffffff", 14, 240);
    this.#ring(victim.x, victim.y, slotColour(victim.slot), 110, 620);
    this.#tremor = Math.max(this.#tremor, own ? 9 : 3);
  }

  spawn({ x, y, slot }) {
    this.#ring(x, y, slotColour(slot), 60, 500);
  }

  /** Sparks where shots ended or ricocheted since the last frame. */
  watch(shots) {
    const seen = new Map(shots.map((shot) => [shot.id, shot]));
    for (const [id, shot] of this.#shots) {
      const now = seen.get(id);
      if (!now || (now.ricocheted && !shot.ricocheted))
        this.#burst(shot.x, shot.y, slotColour(shot.owner, 18), 5, 150);
    }
    this.#shots = seen;
  }

  draw(context, camera, elapsed) {
    this.#tremor *= Math.exp(-elapsed / 120);
    context.save();
    context.globalCompositeOperation = "lighter";
    this.#particles = this.#particles.filter((particle) => drawParticle(context, camera, particle, elapsed));
    this.#rings = this.#rings.filter((ring) => drawRing(context, camera, ring, elapsed));
    context.restore();
  }

  #burst(x, y, colour, count, speed) {
    const most = this.#calm ? count / 4 : count;
    for (let i = 0; i < most && this.#particles.length < MOST_PARTICLES; i++) {
      const angle = Math.random() * 2 * Math.PI;
      const pace = speed * (0.25 + 0.75 * Math.random());
      this.#particles.push({
        x, y, colour, age: 0, life: 220 + 380 * Math.random(), size: 1.5 + 2.5 * Math.random(),
        vx: (Math.cos(angle) * pace) / 1000, vy: (Math.sin(angle) * pace) / 1000,
      });
    }
  }

  #ring(x, y, colour, reach, life) {
    this.#rings.push({ x, y, colour, reach, life, age: 0 });
  }
}

function drawParticle(context, camera, particle, elapsed) {
  particle.age += elapsed;
  const slow = Math.exp(-particle.age / 300);
  particle.x += particle.vx * elapsed * slow;
  particle.y += particle.vy * elapsed * slow;
  const left = 1 - particle.age / particle.life;
  if (left <= 0) return false;
  context.globalAlpha = left;
  context.fillStyle = particle.colour;
  const size = particle.size * camera.scale;
  context.fillRect(camera.x(particle.x) - size / 2, camera.y(particle.y) - size / 2, size, size);
  return true;
}

function drawRing(context, camera, ring, elapsed) {
  ring.age += elapsed;
  const part = ring.age / ring.life;
  if (part >= 1) return false;
  context.globalAlpha = (1 - part) * 0.8;
  context.strokeStyle = ring.colour;
  context.lineWidth = (1 - part) * 5 * camera.scale;
  context.beginPath();
  context.arc(camera.x(ring.x), camera.y(ring.y), ring.reach * Math.sqrt(part) * camera.scale, 0, 7);
  context.stroke();
  return true;
}

/** A shot and the light behind it; `before` is where it was a frame ago, if it was. */
export function drawShot(context, camera, shot, before, elapsed) {
  const back = before ? TRAIL_MS / Math.max(elapsed, 1) : 0;
  const tailX = shot.x - (before ? shot.x - before.x : 0) * back;
  const tailY = shot.y - (before ? shot.y - before.y : 0) * back;
  const [x, y] = [camera.x(shot.x), camera.y(shot.y)];
  const trail = context.createLinearGradient(camera.x(tailX), camera.y(tailY), x, y);
  trail.addColorStop(0, "transparent");
  trail.addColorStop(1, slotColour(shot.owner));
  context.strokeStyle = trail;
  context.lineWidth = 6 * camera.scale;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(camera.x(tailX), camera.y(tailY));
  context.lineTo(x, y);
  context.stroke();
  context.fillStyle = "#fff";
  context.beginPath();
  context.arc(x, y, 3.6 * camera.scale, 0, 7);
  context.fill();
}
