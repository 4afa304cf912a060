// The WebSocket of one player: opens it, opens it again after a loss, and puts every end into
// words. Never looks into a message.

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;
const MOST_RETRIES = 8;

// What each close code means to a player, and whether trying again can help: "auto" tries by
// itself, "ask" offers a button, "no" is final.
const ENDINGS = {
  1000: ["The match has ended.", "no"],
  1001: ["The server is stopping.", "auto"],
  1003: ["The server refused a text message.", "ask"],
  1006: ["The connection was lost.", "auto"],
  1008: ["This page sent too many messages.", "ask"],
  1009: ["This page sent a message that was too large.", "ask"],
  1011: ["The server met an error.", "auto"],
  4000: ["The match was stopped.", "no"],
  4001: ["You were removed from the match.", "no"],
  4002: ["Your connection was too slow to keep up.", "auto"],
  4003: ["You are playing in another window.", "ask"],
  4004: ["The match broke down.", "no"],
  4401: ["This link is no longer valid.", "no"],
};

export class Connection {
  #url;
  #protocols;
  #handlers;
  #socket = null;
  #retries = 0;
  #timer = 0;
  #everOpen = false;

  /**
   * `handlers`: `open()`, `message(ArrayBuffer)`, `closed({ words, code, retry, seconds })` with
   * `retry` one of auto, ask and no.
   */
  constructor(url, token, handlers) {
    this.#url = url;
    this.#protocols = ["lattice.v1", `lattice.token.${token}`];
    this.#handlers = handlers;
    this.open();
  }

  open() {
    clearTimeout(this.#timer);
    this.#socket = new WebSocket(this.#url, this.#protocols);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => this.#opened();
    this.#socket.onmessage = ({ data }) => this.#handlers.message(data);
    this.#socket.onclose = (event) => this.#closed(event);
  }

  /** The player asks for it: with the full count of tries again. */
  retry() {
    this.#retries = 0;
    this.open();
  }

  /** Sends if the socket is open and not behind; true if it did. */
  send(bytes) {
    const ready = this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount < 4096;
    if (ready) this.#socket.send(bytes);
    return ready;
  }

  #opened() {
    this.#retries = 0;
    this.#everOpen = true;
    this.#handlers.open();
  }

  #closed({ code, reason }) {
    const [words, plan] = ENDINGS[code] ?? [`The connection was closed (${code}).`, "ask"];
    const retry = plan === "auto" && this.#retries >= MOST_RETRIES ? "ask" : plan;
    const delay = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#retries);
    if (retry === "auto") this.#timer = setTimeout(() => this.open(), delay);
    this.#retries += 1;
    this.#handlers.closed({ code, retry, seconds: delay / 1000, words: this.#explain(words, reason) });
  }

  // A refused link and an unreachable server look the same to a page that never got in.
  #explain(words, reason) {
    if (!this.#everOpen && words === ENDINGS[1006][0])
      return "The match cannot be reached: it may have ended, or this link is no longer valid.";
    return reason ? `${words} (${reason})` : words;
  }
}
