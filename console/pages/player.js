// The plain page of a match: connects with the token in the address's fragment, shows the bytes
// that come, sends the bytes that are typed. Text from the sim is shown as text, never as markup.

const SHOWN = 200;
const SHOWN_BYTES = 1024;

const status = document.querySelector("#status");
const form = document.querySelector("#send");
const input = document.querySelector("#bytes");
const button = form.querySelector("button");
const error = document.querySelector("#error");
const messages = document.querySelector("#messages");

const match = location.pathname.split("/")[2];
const token = new URLSearchParams(location.hash.slice(1)).get("token");

function say(state, text) {
  status.dataset.state = state;
  status.textContent = text;
  button.disabled = state !== "open";
}

function hex(bytes) {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const digits = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > SHOWN_BYTES ? `${digits} ...` : digits;
}

function printable(bytes) {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  return Array.from(shown, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
}

function show(direction, bytes) {
  const item = document.createElement("li");
  item.className = direction;
  const arrow = direction === "sent" ? "\u2192" : "\u2190";
  item.textContent = `${arrow} ${bytes.length} bytes\n${hex(bytes)}\n${printable(bytes)}`;
  messages.prepend(item);
  while (messages.children.length > SHOWN) messages.lastChild.remove();
}

function parse(text) {
  const quoted = text.match(/^"(.*)"$/s);
  if (quoted) return new TextEncoder().encode(quoted[1]);
  const digits = text.replace(/\s+/g, "");
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw new Error("Pairs of hex digits, or text in quotes.");
  return Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
}

function connect() {
  const origin = location.origin.replace(/^http/, "ws");
  const socket = new WebSocket(`${origin}/matches/${match}/play`, ["lattice.v1", `lattice.token.${token}`]);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => say("open", "Connected");
  socket.onmessage = (event) => show("received", new Uint8Array(event.data));
  socket.onclose = (event) => {
    const why = event.reason || "the connection was refused or lost";
    say("closed", `Closed (${event.code}): ${why}`);
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    try {
      const bytes = parse(input.value.trim());
      socket.send(bytes);
      show("sent", bytes);
      error.hidden = true;
      input.value = "";
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
  };
}

if (token) connect();
else say("closed", "This address has no player's token: ask for a new link.");
