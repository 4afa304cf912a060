// The bytes between the page and the sim, as ../README.md lays them out. Owns decoding and
// encoding, never what is done with the values. A message that does not fit the layout throws.

export const VERSION = 1;
export const FROM_SIM = { welcome: 1, roster: 2, state: 3, hit: 4, kill: 5, over: 6 };
export const NOBODY = 255;
const NO_TIME_LIMIT = 0xffff;

/** One message of the sim, as `{ type: "state", ... }`; lengths in arena units. */
export function decode(buffer) {
  const reader = new Reader(buffer);
  const type = reader.u8();
  const decoder = DECODERS[type];
  if (!decoder) throw new RangeError(`unknown message type ${type}`);
  const message = decoder(reader);
  reader.end();
  return message;
}

/** `move` and `aim` are `{x, y}`, at most 1 long; a zero aim follows the movement. */
export function encodeInput({ move, aim, fire, sequence }) {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint8(0, 1);
  view.setUint8(1, fire ? 1 : 0);
  [move.x, move.y, aim.x, aim.y].forEach((value, i) => view.setInt8(2 + i, Math.round(value * 127)));
  view.setUint16(6, sequence & 0xffff, true);
  return view.buffer;
}

/** Asks for the welcome again: what a page sends that came back into a running match. */
export function encodeHello() {
  return new Uint8Array([2, VERSION]).buffer;
}

const DECODERS = { 1: welcome, 2: roster, 3: state, 4: hit, 5: kill, 6: over };

function welcome(r) {
  const version = r.u8();
  if (version !== VERSION) throw new RangeError(`protocol version ${version}, not ${VERSION}`);
  const message = {
    type: "welcome", slot: r.u8(), tickHz: r.u8(),
    width: r.u16(), height: r.u16(), scoreLimit: r.u16(),
  };
  const obstacles = r.u8();
  const boulders = r.u8();
  message.obstacles = r.list(obstacles, () => ({
    x: r.units(), y: r.units(), halfX: r.units(), halfY: r.units(), round: r.units(),
  }));
  message.boulderRadii = r.list(boulders, () => r.units());
  return message;
}

function roster(r) {
  const players = r.list(r.u8(), () => ({
    slot: r.u8(), player: r.u32(), kills: r.u16(), deaths: r.u16(), name: r.text(r.u8()),
  }));
  return { type: "roster", players };
}

function state(r) {
  const [players, boulders, shots] = [r.u8(), r.u8(), r.u8()];
  const tick = r.u32();
  const secondsLeft = r.u16();
  r.u16();
  return {
    type: "state", tick,
    secondsLeft: secondsLeft === NO_TIME_LIMIT ? null : secondsLeft,
    players: r.list(players, () => player(r)),
    boulders: r.list(boulders, () => ({ x: r.units(), y: r.units() })),
    shots: r.list(shots, () => ({
      id: r.u16(), owner: r.u8(), ricocheted: r.u8() === 1, x: r.units(), y: r.units(),
    })),
  };
}

function player(r) {
  const slot = r.u8();
  const flags = r.u8();
  return {
    slot, alive: (flags & 1) !== 0, shielded: (flags & 2) !== 0,
    health: r.u8(), respawn: r.u8() / 10,
    x: r.units(), y: r.units(), aimX: r.i8() / 127, aimY: r.i8() / 127,
    sequence: r.u16(),
  };
}

function hit(r) {
  return { type: "hit", shooter: r.u8(), victim: r.u8(), health: r.u8(), x: r.units(), y: r.units() };
}

function kill(r) {
  const message = { type: "kill", shooter: r.u8(), victim: r.u8() };
  r.u8();
  return { ...message, tick: r.u32() };
}

function over(r) {
  const message = { type: "over", reason: r.u8(), winner: r.u8() };
  r.u8();
  return { ...message, tick: r.u32() };
}

class Reader {
  #view;
  #at = 0;

  constructor(buffer) {
    this.#view = new DataView(buffer);
  }

  u8() { return this.#view.getUint8(this.#skip(1)); }
  i8() { return this.#view.getInt8(this.#skip(1)); }
  u16() { return this.#view.getUint16(this.#skip(2), true); }
  u32() { return this.#view.getUint32(this.#skip(4), true); }
  units() { return this.u16() / 16; }
  list(count, read) { return Array.from({ length: count }, read); }

  text(bytes) {
    const at = this.#skip(bytes);
    return new TextDecoder().decode(new Uint8Array(this.#view.buffer, at, bytes));
  }

  end() {
    const left = this.#view.byteLength - this.#at;
    if (left !== 0) throw new RangeError(`${left} bytes after the message`);
  }

  #skip(bytes) {
    const at = this.#at;
    if (at + bytes > this.#view.byteLength) throw new RangeError("the message is cut short");
    this.#at += bytes;
    return at;
  }
}
