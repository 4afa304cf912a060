// Turns states that arrive once a tick, never quite evenly, into a smooth picture at any moment:
// it shows the match a little late and blends the two states around that moment. Never guesses
// what has not arrived.

const KEPT_STATES = 60;
const EXTRA_DELAY_MS = 20; // for a network that is not quite even
const OFFSET_GAIN = 0.03; // how fast the clock follows states that arrive late
const CLOCK_JUMP_MS = 400; // beyond this the clock is set, not led
const JUMP_UNITS = 110; // farther than anything moves in a tick: a spawn, shown without a glide

export class Timeline {
  #tickMs;
  #offset = null; // local time of tick 0, in ms
  #entries = []; // { state, effects }, oldest first
  #shown = -1; // the last tick whose effects were handed out

  constructor(tickHz) {
    this.#tickMs = 1000 / tickHz;
  }

  /** Takes a state, and the effects (hits, kills) that belong to it, at local time `now` in ms. */
  push(state, effects, now) {
    const newest = this.#entries.at(-1)?.state.tick ?? -1;
    if (state.tick <= newest) return;
    this.#follow(now - state.tick * this.#tickMs);
    this.#entries.push({ state, effects });
    if (this.#entries.length > KEPT_STATES) this.#entries.shift();
  }

  /** What to draw at local time `now`: null before the first state, else `{ state, effects }`. */
  sample(now) {
    if (this.#entries.length === 0) return null;
    const tick = (now - this.#offset - EXTRA_DELAY_MS) / this.#tickMs - 1.5;
    const next = this.#entries.findIndex(({ state }) => state.tick > tick);
    const [a, b] = this.#around(next);
    const part = b === a ? 0 : clamp01((tick - a.state.tick) / (b.state.tick - a.state.tick));
    return { state: blend(a.state, b.state, part), effects: this.#due(a.state.tick) };
  }

  #around(next) {
    if (next < 0) return [this.#entries.at(-1), this.#entries.at(-1)];
    return [this.#entries[Math.max(0, next - 1)], this.#entries[next]];
  }

  // Each effect once, when its state is reached.
  #due(tick) {
    const due = this.#entries.filter(({ state }) => state.tick > this.#shown && state.tick <= tick);
    this.#shown = Math.max(this.#shown, tick);
    return due.flatMap(({ effects }) => effects);
  }

  // The earliest arrivals tell the true clock; later ones only lead it slowly.
  #follow(offset) {
    const error = this.#offset === null ? Infinity : offset - this.#offset;
    if (Math.abs(error) > CLOCK_JUMP_MS || error < 0) this.#offset = offset;
    else this.#offset += error * OFFSET_GAIN;
  }
}

function blend(a, b, part) {
  return {
    ...a,
    players: blendAll(a.players, b.players, part, "slot"),
    shots: blendAll(a.shots, b.shots, part, "id"),
    boulders: a.boulders.map((boulder, i) => blendPlace(boulder, b.boulders[i], part)),
  };
}

function blendAll(from, to, part, key) {
  const later = new Map(to.map((item) => [item[key], item]));
  return from.map((item) => blendPlace(item, later.get(item[key]), part));
}

function blendPlace(from, to, part) {
  if (!to || Math.hypot(to.x - from.x, to.y - from.y) > JUMP_UNITS) return from;
  const mixed = { ...from, x: mix(from.x, to.x, part), y: mix(from.y, to.y, part) };
  if ("aimX" in from) {
    mixed.aimX = mix(from.aimX, to.aimX, part);
    mixed.aimY = mix(from.aimY, to.aimY, part);
  }
  return mixed;
}

const mix = (a, b, part) => a + (b - a) * part;
const clamp01 = (value) => Math.min(1, Math.max(0, value));
