// Which part of the arena is on the canvas: all of it where it fits, else as much as stays
// readable, following the own player. Owns the mapping of units to canvas pixels.

const MARGIN_UNITS = 14;
const LEAST_SCALE = 0.5; // CSS pixels a unit: below this a player is too small to see
const FOLLOW = 0.12; // share of the way to the player that a frame goes

export class Camera {
  #arena = { width: 1, height: 1 };
  #centre = null;
  ratio = 1; // canvas pixels a CSS pixel
  scale = 1; // canvas pixels a unit
  left = 0; // canvas pixels at which the arena's corner is drawn
  top = 0;

  setArena({ width, height }) {
    this.#arena = { width, height };
    this.#centre = null;
  }

  /** Fits the canvas' pixels to its size on the page; true if they changed. */
  resize(canvas) {
    this.ratio = Math.min(2, devicePixelRatio || 1);
    const width = Math.max(1, Math.round(canvas.clientWidth * this.ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * this.ratio));
    if (canvas.width === width && canvas.height === height) return false;
    canvas.width = width;
    canvas.height = height;
    return true;
  }

  /** Looks at `target`, a place in units, as far as the arena does not fit. */
  follow(target, canvas) {
    const { width, height } = this.#arena;
    const fit = Math.min(
      canvas.width / (width + 2 * MARGIN_UNITS),
      canvas.height / (height + 2 * MARGIN_UNITS),
    );
    this.scale = Math.max(fit, LEAST_SCALE * this.ratio);
    this.#centre ??= target ?? { x: width / 2, y: height / 2 };
    if (target) {
      this.#centre.x += (target.x - this.#centre.x) * FOLLOW;
      this.#centre.y += (target.y - this.#centre.y) * FOLLOW;
    }
    this.left = this.#place(this.#centre.x, width, canvas.width);
    this.top = this.#place(this.#centre.y, height, canvas.height);
  }

  x(units) {
    return this.left + units * this.scale;
  }

  y(units) {
    return this.top + units * this.scale;
  }

  // Centres what fits; otherwise keeps the view inside the arena and its margin.
  #place(centre, size, pixels) {
    const span = size * this.scale;
    const margin = MARGIN_UNITS * this.scale;
    if (span + 2 * margin <= pixels + 1) return (pixels - span) / 2;
    return Math.min(margin, Math.max(pixels - span - margin, pixels / 2 - centre * this.scale));
  }
}
