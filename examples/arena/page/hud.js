// The words around the canvas: who plays, what happened, how the connection is, and what the
// player can do now. All text goes in as text, never as markup.

import { slotColour } from "./palette.js";

const FEED_LINES = 5;
const FEED_MS = 6000;
const NEAR_PX = 24; // a player's radius and a little more

export class Hud {
  #status = byId("status");
  #clock = byId("clock");
  #goal = byId("goal");
  #scores = byId("scores");
  #feed = byId("feed");
  #banner = byId("banner");
  #title = byId("banner-title");
  #text = byId("banner-text");
  #again = byId("again");
  #respawn = byId("respawn");
  #panels = ["bar", "board", "feed", "keys"].map(byId);
  #keys = byId("keys");

  constructor(onAgain) {
    this.#again.addEventListener("click", onAgain);
  }

  status(words, mood) {
    setText(this.#status, words);
    this.#status.dataset.mood = mood;
  }

  clock(secondsLeft) {
    this.#clock.hidden = secondsLeft === null;
    if (secondsLeft === null) return;
    const seconds = String(secondsLeft % 60).padStart(2, "0");
    setText(this.#clock, `${Math.floor(secondsLeft / 60)}:${seconds}`);
  }

  /** `players` as the roster has them; `me` is the own slot; `limit` wins, 0 for none. */
  scores(players, me, limit) {
    setText(this.#goal, limit ? `First to ${limit}` : "Player");
    const best = [...players].sort((a, b) => b.kills - a.kills || a.deaths - b.deaths);
    this.#scores.replaceChildren(...best.map((player) => scoreRow(player, player.slot === me)));
  }

  /** A line of the feed: parts are texts, or `{ name, slot }`. */
  tell(...parts) {
    const line = element("li", "", parts.map(feedPart));
    this.#feed.append(line);
    while (this.#feed.children.length > FEED_LINES) this.#feed.firstChild.remove();
    setTimeout(() => line.remove(), FEED_MS);
  }

  /** Fades what would cover the player, who is at `me` in client pixels, or nowhere. */
  makeWay(me) {
    for (const panel of this.#panels) {
      const box = panel.getBoundingClientRect();
      const covers = me && me.x > box.left - NEAR_PX && me.x < box.right + NEAR_PX &&
        me.y > box.top - NEAR_PX && me.y < box.bottom + NEAR_PX;
      panel.toggleAttribute("data-faded", Boolean(covers));
    }
  }

  respawn(seconds) {
    this.#respawn.hidden = seconds === null;
    if (seconds !== null) setText(this.#respawn, `Back in ${seconds.toFixed(1)} s`);
  }

  /** The box in the middle; `action` is the words on its button, or null for none. */
  banner(title, text, action) {
    this.#banner.hidden = false;
    setText(this.#title, title);
    setText(this.#text, text);
    this.#again.hidden = action === null;
    if (action !== null) setText(this.#again, action);
  }

  /** The player has found the keys. */
  hideKeys() {
    this.#keys.dataset.known = "";
  }

  hideBanner() {
    this.#banner.hidden = true;
  }
}

function scoreRow({ slot, name, kills, deaths }, own) {
  const chip = element("span", "chip");
  chip.style.backgroundColor = slotColour(slot);
  const row = element("tr", own ? "own" : "", [
    element("th", "", [chip, element("span", "name", [name])]),
    element("td", "kills", [String(kills)]),
    element("td", "deaths", [String(deaths)]),
  ]);
  row.firstChild.scope = "row";
  return row;
}

function feedPart(part) {
  if (typeof part === "string") return part;
  const name = element("b", "", [part.name]);
  name.style.color = slotColour(part.slot, 10);
  return name;
}

function element(tag, className, children = []) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function byId(id) {
  return document.getElementById(id);
}
