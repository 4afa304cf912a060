// The page of a match: wires connection, timeline, controls, view and words together and runs the
// frames. Its address is <origin>/play/<match>/#token=<player token>.
//
// The canvas carries what a test may want to know, as data attributes: data-connected, data-tick,
// data-player (the platform's number), data-slot, data-alive, data-players, and data-x and data-y:
// where the own player is drawn, in pixels of the canvas' bitmap.

import { Camera } from "./camera.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { Effects } from "./effects.js";
import { Hud } from "./hud.js";
import { NOBODY, decode, encodeHello, encodeInput } from "./protocol.js";
import { Timeline } from "./timeline.js";
import { View } from "./view.js";

const INPUTS_A_SECOND = 30;
const REPEAT_INPUT_MS = 1000;
const OVER_REASONS = ["The score limit was reached.", "Time is up.", "The match was stopped."];

const canvas = document.getElementById("arena");

class Game {
  #camera = new Camera();
  #view = new View(canvas, this.#camera);
  #controls = new Controls({
    canvas, stick: document.getElementById("stick"), trigger: document.getElementById("trigger"),
  });
  #effects = new Effects();
  #hud = new Hud(() => this.#again());
  #connection;

  #level = null; // the welcome
  #timeline = null;
  #roster = null; // until the first one came
  #pending = []; // effects of the tick whose state is still to come
  #asked = false; // for the welcome, on this connection
  #over = null;
  #alive = new Set(); // slots, as last drawn
  #lastFrame = 0;
  #sent = { at: 0, key: "", sequence: 0 };
  #asks = new Map(); // sequence of an input -> when it was sent
  #latency = null; // ms from an input to the state that knows it

  constructor(url, token) {
    this.#hud.status("Connecting", "wait");
    this.#connection = new Connection(url, token, {
      open: () => this.#opened(),
      message: (bytes) => this.#message(bytes),
      closed: (ending) => this.#closed(ending),
    });
    document.addEventListener("visibilitychange", () => this.#rest());
    requestAnimationFrame((now) => this.#frame(now));
  }

  #opened() {
    this.#asked = false;
    this.#timeline = null; // a welcome starts the next one
    this.#pending = [];
    this.#sent.key = "";
    this.#asks.clear();
    this.#hud.status("Waiting for the match", "wait");
    this.#hud.hideBanner();
  }

  #message(bytes) {
    let message;
    try {
      message = decode(bytes);
    } catch (error) {
      console.error("a message that this page does not understand:", error.message);
      return;
    }
    this[`on_${message.type}`](message);
  }

  on_welcome(welcome) {
    this.#level = welcome;
    this.#timeline = new Timeline(welcome.tickHz);
    this.#camera.setArena(welcome);
    this.#view.reset();
    canvas.dataset.connected = "true";
    canvas.dataset.slot = welcome.slot;
    this.#showRoster();
  }

  on_roster({ players }) {
    const before = this.#roster ?? players;
    const missing = (from, { player }) => !from.some((other) => other.player === player);
    for (const player of players) if (missing(before, player)) this.#hud.tell(player, " joined");
    for (const player of before) if (missing(players, player)) this.#hud.tell(player, " left");
    this.#roster = players;
    this.#showRoster();
  }

  on_state(state) {
    if (!this.#timeline) return this.#askForWelcome();
    const now = performance.now();
    this.#timeline.push(state, this.#pending.splice(0), now);
    this.#measure(state, now);
  }

  on_hit(hit) {
    this.#pending.push(hit);
  }

  on_kill(kill) {
    this.#pending.push(kill);
  }

  on_over(over) {
    this.#over = over;
    const winner = over.winner === NOBODY ? null : this.#named(over.winner);
    const title = !winner ? "A draw" : winner.slot === this.#level?.slot ? "You win!" : `${winner.name} wins`;
    this.#hud.banner(title, OVER_REASONS[over.reason] ?? "", null);
  }

  // A state before any welcome: this player was in the match already.
  #askForWelcome() {
    if (!this.#asked) this.#asked = this.#connection.send(encodeHello());
  }

  #closed({ words, retry, seconds }) {
    canvas.dataset.connected = "false";
    this.#hud.respawn(null);
    if (this.#over) {
      this.#hud.status("Match over", "off");
      return;
    }
    this.#hud.status(retry === "auto" ? "Reconnecting" : "Disconnected", "bad");
    const next = retry === "auto" ? ` Trying again in ${seconds} s.` : "";
    this.#hud.banner("Disconnected", words + next, retry === "no" ? null : "Connect now");
  }

  #again() {
    this.#hud.status("Connecting", "wait");
    this.#hud.hideBanner();
    this.#connection.retry();
  }

  #frame(now) {
    requestAnimationFrame((next) => this.#frame(next));
    const elapsed = Math.min(100, now - this.#lastFrame);
    this.#lastFrame = now;
    const sample = this.#timeline?.sample(now);
    if (!sample) return;
    const own = sample.state.players.find(({ slot }) => slot === this.#level.slot);
    if (this.#camera.resize(canvas)) this.#view.reset();
    this.#camera.follow(own, canvas);
    this.#react(sample);
    this.#view.draw({
      level: this.#level, state: sample.state, me: this.#level.slot, names: this.#names(),
      effects: this.#effects, now, elapsed,
    });
    const me = own ? this.#place(own) : null;
    this.#show(sample.state, own);
    this.#hud.makeWay(own?.alive ? me : null);
    this.#play(me, now);
  }

  #react({ state, effects }) {
    for (const effect of effects) {
      if (effect.type === "hit") this.#effects.hit(effect);
      else this.#tellKill(effect, state);
    }
    for (const player of state.players) {
      if (player.alive && !this.#alive.has(player.slot)) this.#effects.spawn(player);
    }
    this.#alive = new Set(state.players.filter(({ alive }) => alive).map(({ slot }) => slot));
    this.#effects.watch(state.shots);
  }

  #tellKill({ shooter, victim }, state) {
    const body = state.players.find(({ slot }) => slot === victim);
    if (body) this.#effects.kill(body, victim === this.#level.slot);
    const [who, whom] = [this.#named(shooter), this.#named(victim)];
    if (who && whom) this.#hud.tell(who, " shot ", whom);
  }

  // Words and data attributes for this frame.
  #show(state, own) {
    this.#hud.clock(state.secondsLeft);
    const waiting = own && !own.alive && !this.#over && canvas.dataset.connected === "true";
    this.#hud.respawn(waiting ? own.respawn : null);
    canvas.dataset.tick = state.tick;
    canvas.dataset.players = state.players.length;
    if (!own) return;
    canvas.dataset.alive = own.alive;
    canvas.dataset.x = this.#camera.x(own.x).toFixed(1);
    canvas.dataset.y = this.#camera.y(own.y).toFixed(1);
  }

  // Where the own player is drawn, in client pixels.
  #place(own) {
    const { ratio } = this.#camera;
    const box = canvas.getBoundingClientRect();
    return { x: box.x + this.#camera.x(own.x) / ratio, y: box.y + this.#camera.y(own.y) / ratio };
  }

  // Sends what the hands do: when it changes, and every second, because the sim forgets inputs
  // after three.
  #play(me, now) {
    const input = this.#controls.read(me);
    const key = JSON.stringify([input.move, input.aim, input.fire]);
    const wait = key === this.#sent.key ? REPEAT_INPUT_MS : 1000 / INPUTS_A_SECOND;
    if (now - this.#sent.at < wait) return;
    this.#send(input, key, now);
    if (input.fire || input.move.x || input.move.y) this.#hud.hideKeys();
  }

  #send(input, key, now) {
    const sequence = (this.#sent.sequence + 1) & 0xffff;
    if (!this.#connection.send(encodeInput({ ...input, sequence }))) return;
    this.#sent = { at: now, key, sequence };
    this.#asks.set(sequence, now);
  }

  // A page that nobody sees draws no frames, so the player must not run on with the last input.
  #rest() {
    const still = { move: { x: 0, y: 0 }, aim: { x: 0, y: 0 }, fire: false };
    if (document.hidden) this.#send(still, "", performance.now());
  }

  // The time from an input to the first state that knows it.
  #measure(state, now) {
    const own = state.players.find(({ slot }) => slot === this.#level.slot);
    const asked = own && this.#asks.get(own.sequence);
    if (asked === undefined) return;
    this.#asks.clear();
    const taken = now - asked;
    this.#latency = this.#latency === null ? taken : this.#latency + (taken - this.#latency) * 0.2;
    this.#hud.status(`Connected · ${Math.round(this.#latency)} ms`, "good");
  }

  #showRoster() {
    const slot = this.#level?.slot;
    this.#hud.scores(this.#roster ?? [], slot, this.#level?.scoreLimit);
    if (slot !== undefined && this.#named(slot)) canvas.dataset.player = this.#named(slot).player;
  }

  #named(slot) {
    return this.#roster?.find((player) => player.slot === slot);
  }

  #names() {
    return new Map(this.#roster?.map(({ slot, name }) => [slot, name]));
  }
}

function start() {
  const match = location.pathname.match(/\/play\/([^/]+)/)?.[1];
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!match || !token) {
    const hud = new Hud(() => {});
    hud.status("Not connected", "bad");
    hud.banner("No match here", "Open the link that you were given, whole.", null);
    return;
  }
  const origin = location.origin.replace(/^http/, "ws");
  new Game(`${origin}/matches/${match}/play`, token);
}

start();
