const form = document.querySelector("form");
const state = document.querySelector("#state");
const log = document.querySelector("#log");
let socket = null;

function show(text) {
  const line = document.createElement("li");
  line.textContent = `${new Date().toLocaleTimeString()}  ${text}`;
  log.prepend(line);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  socket?.close();
  const fields = new FormData(form);
  // The URL is relative, so it also works behind a proxy that adds a path prefix.
  const url = new URL("../ws", location.href);
  url.protocol = location.protocol.replace("http", "ws");
  const opened = new WebSocket(url, fields.getAll("subprotocol").map((text) => text.trim()));
  socket = opened;
  state.textContent = "Connecting …";
  opened.addEventListener("open", () => {
    state.textContent = "Connected";
    opened.send(JSON.stringify({ type: "subscribe", channel: fields.get("channel") }));
  });
  opened.addEventListener("message", (message) => show(message.data));
  opened.addEventListener("close", ({ code, reason }) => {
    show(`Connection closed: ${code} ${reason}`);
    if (socket === opened) state.textContent = "Not connected";
  });
});
