// What the player's hands do, as `{ move, aim, fire }`: keyboard, mouse, or a stick and a fire
// button on a touch screen. Never draws and never sends.

const KEYS = {
  KeyW: [0, -1], ArrowUp: [0, -1], KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};
const STICK_REACH_PX = 46;
const AIM_DEAD_ZONE_PX = 14;

export class Controls {
  #held = new Set();
  #pointer = null; // of the mouse, in client pixels; null until it moves
  #mouseFire = false;
  #stick;
  #trigger;

  constructor({ canvas, stick, trigger }) {
    addEventListener("keydown", (event) => this.#key(event, true));
    addEventListener("keyup", (event) => this.#key(event, false));
    addEventListener("blur", () => this.#release());
    canvas.addEventListener("pointermove", (event) => this.#mouse(event));
    canvas.addEventListener("pointerdown", (event) => this.#mouse(event, true));
    addEventListener("pointerup", (event) => this.#mouse(event, false));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.#stick = new TouchStick(stick);
    this.#trigger = new TouchStick(trigger);
  }

  /** `me`: where the own player is drawn, in client pixels, or null: then a mouse cannot aim. */
  read(me) {
    return { move: this.#move(), aim: this.#aim(me), fire: this.#fire() };
  }

  #move() {
    if (this.#stick.active) return shorten(this.#stick.offset, STICK_REACH_PX);
    const sum = { x: 0, y: 0 };
    for (const code of this.#held) {
      const [x, y] = KEYS[code] ?? [0, 0];
      sum.x += x;
      sum.y += y;
    }
    return shorten(sum, 1);
  }

  #aim(me) {
    const none = { x: 0, y: 0 };
    if (this.#trigger.active) {
      const { offset } = this.#trigger;
      return Math.hypot(offset.x, offset.y) > AIM_DEAD_ZONE_PX ? shorten(offset, 1) : none;
    }
    if (!this.#pointer || !me) return none;
    return shorten({ x: this.#pointer.x - me.x, y: this.#pointer.y - me.y }, 1);
  }

  #fire() {
    return this.#held.has("Space") || this.#mouseFire || this.#trigger.active;
  }

  #key(event, down) {
    const ours = event.code in KEYS || event.code === "Space";
    const typed = event.target instanceof Element && event.target.closest("button, a, input");
    if (!ours || event.ctrlKey || event.metaKey || event.altKey || (typed && down)) return;
    event.preventDefault();
    if (down) this.#held.add(event.code);
    else this.#held.delete(event.code);
  }

  #mouse(event, down) {
    if (event.pointerType !== "mouse") return;
    this.#pointer = { x: event.clientX, y: event.clientY };
    if (down !== undefined && event.button === 0) this.#mouseFire = down;
  }

  #release() {
    this.#held.clear();
    this.#mouseFire = false;
  }
}

/** One finger on one element: how far it was dragged from where it came down. */
class TouchStick {
  #element;
  #finger = null;
  #from = { x: 0, y: 0 };
  offset = { x: 0, y: 0 };

  constructor(element) {
    this.#element = element;
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      element.addEventListener(end, (event) => this.#up(event));
  }

  get active() {
    return this.#finger !== null;
  }

  #down(event) {
    if (this.active) return;
    event.preventDefault();
    this.#element.setPointerCapture(event.pointerId);
    this.#finger = event.pointerId;
    const box = this.#element.getBoundingClientRect();
    this.#from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    this.#drag(event);
  }

  #drag(event) {
    if (event.pointerId !== this.#finger) return;
    this.offset = { x: event.clientX - this.#from.x, y: event.clientY - this.#from.y };
    this.#show(shorten(this.offset, STICK_REACH_PX));
  }

  #up(event) {
    if (event.pointerId !== this.#finger) return;
    this.#finger = null;
    this.offset = { x: 0, y: 0 };
    this.#show(this.offset);
  }

  #show({ x, y }) {
    this.#element.style.setProperty("--x", x);
    this.#element.style.setProperty("--y", y);
    this.#element.toggleAttribute("data-active", this.active);
  }
}

// The vector as a share of `reach`, at most 1 long.
function shorten({ x, y }, reach) {
  const size = Math.max(reach, Math.hypot(x, y));
  return { x: x / size, y: y / size };
}
