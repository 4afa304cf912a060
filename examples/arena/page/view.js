// Draws a moment of the match on the canvas. Knows how things look, never why they happen.

import { drawShot } from "./effects.js";
import { slotColour } from "./palette.js";

const PLAYER_RADIUS = 18;
const FULL_HEALTH = 100;
const GRID_UNITS = 50;

export class View {
  #canvas;
  #context;
  #camera;
  #floor = document.createElement("canvas"); // what stands still, painted once a size
  #floorScale = 0;
  #lastShots = new Map();
  #roll = new Map(); // boulder -> { x, y, angle }

  constructor(canvas, camera) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#camera = camera;
  }

  /** `scene`: `{ level, state, me, names, effects, now, elapsed }`; `me` is the own slot. */
  draw(scene) {
    const context = this.#context;
    const shake = scene.effects.tremor(scene.now);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#060914";
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.translate(shake.x * this.#camera.scale, shake.y * this.#camera.scale);
    this.#drawFloor(scene.level);
    this.#drawBoulders(scene);
    this.#drawShots(scene);
    const players = scene.state.players.filter(({ alive }) => alive);
    for (const player of players) this.#drawPlayer(player, scene);
    scene.effects.draw(context, this.#camera, scene.elapsed);
    for (const player of players) this.#drawName(player, scene);
  }

  /** The level is another one: paint it anew. */
  reset() {
    this.#floorScale = 0;
    this.#roll.clear();
  }

  #drawFloor(level) {
    const { scale } = this.#camera;
    if (this.#floorScale !== scale) {
      paintFloor(this.#floor, level, scale);
      this.#floorScale = scale;
    }
    const margin = FLOOR_MARGIN * scale;
    this.#context.drawImage(this.#floor, this.#camera.x(0) - margin, this.#camera.y(0) - margin);
  }

  #drawBoulders({ state, level }) {
    state.boulders.forEach((boulder, i) => {
      const radius = level.boulderRadii[i];
      const last = this.#roll.get(i) ?? { ...boulder, angle: i };
      const angle = last.angle + (boulder.x - last.x + boulder.y - last.y) / radius;
      this.#roll.set(i, { x: boulder.x, y: boulder.y, angle });
      this.#at(boulder, angle, (context) => drawBoulder(context, radius));
    });
  }

  #drawShots({ state, elapsed }) {
    this.#context.save();
    this.#context.globalCompositeOperation = "lighter";
    for (const shot of state.shots)
      drawShot(this.#context, this.#camera, shot, this.#lastShots.get(shot.id), elapsed);
    this.#context.restore();
    this.#lastShots = new Map(state.shots.map((shot) => [shot.id, shot]));
  }

  #drawPlayer(player, { me, now }) {
    const own = player.slot === me;
    if (own) this.#at(player, 0, (context) => drawOwnMark(context, now));
    const [colour, shade] = [slotColour(player.slot), slotColour(player.slot, -28)];
    const aim = Math.atan2(player.aimY, player.aimX);
    this.#at(player, aim, (context) => drawBarrel(context, colour, shade));
    this.#at(player, 0, (context) => {
      drawHull(context, colour, shade);
      drawHealth(context, player.health / FULL_HEALTH);
      if (player.shielded) drawShield(context, now);
    });
  }

  #drawName(player, { me, names }) {
    const context = this.#context;
    const size = Math.max(14 * this.#camera.scale, 11 * this.#camera.ratio);
    const y = this.#camera.y(player.y + PLAYER_RADIUS + 12) + size * 0.7;
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.lineWidth = size / 4;
    context.strokeStyle = "rgb(4 8 20 / 75%)";
    context.fillStyle = player.slot === me ? "#fff" : slotColour(player.slot, 14);
    const name = names.get(player.slot) ?? "";
    context.strokeText(name, this.#camera.x(player.x), y);
    context.fillText(name, this.#camera.x(player.x), y);
  }

  // Draws in units around a place, turned by an angle.
  #at({ x, y }, angle, draw) {
    this.#context.save();
    this.#context.translate(this.#camera.x(x), this.#camera.y(y));
    this.#context.rotate(angle);
    this.#context.scale(this.#camera.scale, this.#camera.scale);
    draw(this.#context);
    this.#context.restore();
  }
}

const FLOOR_MARGIN = 14;

function paintFloor(canvas, level, scale) {
  canvas.width = Math.ceil((level.width + 2 * FLOOR_MARGIN) * scale);
  canvas.height = Math.ceil((level.height + 2 * FLOOR_MARGIN) * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.translate(FLOOR_MARGIN, FLOOR_MARGIN);
  paintGround(context, level);
  for (const obstacle of level.obstacles) paintObstacle(context, obstacle);
  context.strokeStyle = "#4d6bff";
  context.shadowColor = "#4d6bff";
  context.shadowBlur = 18 * scale;
  context.lineWidth = 5;
  context.beginPath();
  context.roundRect(-2.5, -2.5, level.width + 5, level.height + 5, 10);
  context.stroke();
}

function paintGround(context, { width, height }) {
  const reach = Math.hypot(width, height) / 2;
  const light = context.createRadialGradient(width / 2, height / 2, 0, width / 2, height / 2, reach);
  light.addColorStop(0, "#18224a");
  light.addColorStop(1, "#0a0f24");
  context.fillStyle = light;
  context.fillRect(0, 0, width, height);
  context.strokeStyle = "rgb(125 155 255 / 9%)";
  context.lineWidth = 1;
  context.beginPath();
  for (let x = GRID_UNITS; x < width; x += GRID_UNITS) context.rect(x, 0, 0, height);
  for (let y = GRID_UNITS; y < height; y += GRID_UNITS) context.rect(0, y, width, 0);
  context.stroke();
}

function paintObstacle(context, { x, y, halfX, halfY, round }) {
  const shape = (inset) => {
    const [w, h] = [halfX + round - inset, halfY + round - inset];
    context.beginPath();
    context.roundRect(x - w, y - h, 2 * w, 2 * h, Math.max(round - inset, 1));
  };
  context.save();
  context.shadowColor = "rgb(0 0 0 / 60%)";
  context.shadowBlur = 26;
  context.shadowOffsetY = 8;
  shape(0);
  context.fillStyle = "#27356b";
  context.fill();
  context.restore();
  const light = context.createLinearGradient(x, y - halfY - round, x, y + halfY + round);
  light.addColorStop(0, "#44579f");
  light.addColorStop(1, "#2a3972");
  shape(4);
  context.fillStyle = light;
  context.fill();
  shape(1);
  context.strokeStyle = "#6f86d8";
  context.lineWidth = 2;
  context.stroke();
}

function drawBoulder(context, radius) {
  const light = context.createRadialGradient(-radius / 3, -radius / 3, radius / 8, 0, 0, radius);
  light.addColorStop(0, "#b9bfd0");
  light.addColorStop(1, "#555c74");
  context.fillStyle = light;
  context.beginPath();
  context.arc(0, 0, radius, 0, 7);
  context.fill();
  context.fillStyle = "rgb(20 24 40 / 28%)";
  for (const [x, y, size] of [[0.35, -0.2, 0.2], [-0.3, 0.35, 0.26], [0.15, 0.5, 0.13]]) {
    context.beginPath();
    context.arc(x * radius, y * radius, size * radius, 0, 7);
    context.fill();
  }
}

function drawBarrel(context, colour, shade) {
  context.fillStyle = shade;
  context.strokeStyle = colour;
  context.lineWidth = 2.5;
  context.beginPath();
  context.roundRect(4, -6, PLAYER_RADIUS + 9, 12, 4);
  context.fill();
  context.stroke();
}

function drawHull(context, colour, shade) {
  const light = context.createRadialGradient(-5, -6, 2, 0, 0, PLAYER_RADIUS);
  light.addColorStop(0, "#fff");
  light.addColorStop(0.35, colour);
  light.addColorStop(1, shade);
  context.fillStyle = light;
  context.beginPath();
  context.arc(0, 0, PLAYER_RADIUS, 0, 7);
  context.fill();
}

function drawOwnMark(context, now) {
  const pulse = 0.5 + 0.5 * Math.sin(now / 280);
  const glow = context.createRadialGradient(0, 0, PLAYER_RADIUS, 0, 0, 54);
  glow.addColorStop(0, "rgb(255 255 255 / 30%)");
  glow.addColorStop(1, "rgb(255 255 255 / 0%)");
  context.fillStyle = glow;
  context.fillRect(-54, -54, 108, 108);
  context.fillStyle = "#fff";
  const top = -PLAYER_RADIUS - 18 - pulse * 4;
  context.beginPath();
  context.moveTo(-8, top - 9);
  context.lineTo(8, top - 9);
  context.lineTo(0, top);
  context.fill();
}

function drawHealth(context, share) {
  const from = -Math.PI / 2;
  context.lineWidth = 3.5;
  context.strokeStyle = "rgb(0 0 0 / 35%)";
  context.beginPath();
  context.arc(0, 0, PLAYER_RADIUS + 5, 0, 7);
  context.stroke();
  context.strokeStyle = `hsl(${Math.round(share * 130)} 80% 58%)`;
  context.beginPath();
  context.arc(0, 0, PLAYER_RADIUS + 5, from, from + share * 2 * Math.PI);
  context.stroke();
}

function drawShield(context, now) {
  context.strokeStyle = "#bfe3ff";
  context.globalAlpha = 0.45 + 0.35 * Math.sin(now / 90);
  context.lineWidth = 3;
  context.setLineDash([10, 7]);
  context.lineDashOffset = now / 30;
  context.beginPath();
  context.arc(0, 0, PLAYER_RADIUS + 12, 0, 7);
  context.stroke();
}
