// A socket that comes back by itself. The address is asked for anew each time, so that it can say where to go on from.

const GONE = 4404;
const FIRST_WAIT = 400;
const LONGEST_WAIT = 10000;
const STEADY = 5000; // a connection that held this long was a good one: after it the waiting begins anew

export class Link {
  /** `address()` gives path and query; `on` has message(data), state("open" | "lost" | "gone"), and finished() -> true when done. */
  constructor(address, on) {
    Object.assign(this, { address, on, wait: FIRST_WAIT, closed: false, socket: null });
    this.wake = () => this.socket === null && !this.closed && this.connect();
    addEventListener("online", this.wake);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.address()}`);
    this.socket = socket;
    let opened = Infinity;
    socket.onopen = () => {
      opened = performance.now();
      this.on.state?.("open");
    };
    socket.onmessage = (event) => this.on.message(JSON.parse(event.data));
    socket.onclose = (event) => {
      this.socket = null;
      if (this.closed) return;
      if (event.code === GONE || this.on.finished?.()) {
        this.on.state?.(event.code === GONE ? "gone" : "finished");
        this.close();
        return;
      }
      this.on.state?.("lost");
      if (performance.now() - opened > STEADY) this.wait = FIRST_WAIT;
      this.timer = setTimeout(() => this.connect(), this.wait * (0.8 + 0.4 * Math.random()));
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    };
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Whether the frame went out. */
  send(frame) {
    if (!this.isOpen) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.wake);
    this.socket?.close();
  }
}
