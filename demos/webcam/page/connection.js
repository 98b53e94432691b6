// The live connection to the server: frames out, joints in, and a new try whenever it breaks.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;

export class Connection {
  /**
   * @param {{state: function(string, string): void, hello: function(object): void,
   *          answer: function(object, object): void}} listeners
   *   state: 'connecting', 'connected' or 'lost', and words for the user; hello: what the server offers; answer: the
   *   server's answer to a frame, and what was given to send() with it.
   */
  constructor(listeners) {
    this.listeners = listeners;
    this.wait = FIRST_WAIT;
    this.number = 0;
    this.roundTrip = 100;
    this.settings = {};
    this.unanswered = [];
    this.connect();
  }

  connect() {
    const address = new URL('live', location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    this.socket = new WebSocket(address);
    this.socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    this.socket.onclose = (event) => this.lost(event);
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN && this.greeted;
  }

  lost(event) {
    this.greeted = false;
    this.unanswered = [];
    const seconds = Math.ceil(this.wait / 1000);
    const why = event.code === 1008 ? ` (${event.reason})` : '';
    this.listeners.state('lost', `Connection lost${why}; trying again in ${seconds} s`);
    setTimeout(() => {
      this.listeners.state('connecting', 'Connecting …');
      this.connect();
    }, this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }

  receive(message) {
    if (message.hello) {
      this.wait = FIRST_WAIT;
      this.greeted = true;
      this.listeners.hello(message.hello);
      this.set(this.settings);
      this.listeners.state('connected', 'Connected');
      return;
    }
    // The server passes over frames for which a newer one came; so this answers all up to its number.
    const frame = this.unanswered.find((one) => one.number === message.number);
    this.unanswered = this.unanswered.filter((one) => one.number > message.number);
    if (frame) {
      this.roundTrip += 0.3 * (performance.now() - frame.sent - this.roundTrip);
      this.listeners.answer(message, frame.about);
    }
  }

  /** Say how the frames that follow are to be looked at. */
  set(settings) {
    this.settings = settings;
    if (this.open) {
      this.socket.send(JSON.stringify(settings));
    }
  }

  /** Whether a frame is wanted: one can be on its way while the server works on the one before, but no more. */
  get ready() {
    if (!this.open || this.unanswered.length > 1) {
      return false;
    }
    const [before] = this.unanswered;
    return !before || performance.now() - before.sent > this.roundTrip / 2;
  }

  /** Send a picture file; `about` comes back with the answer. */
  async send(blob, about) {
    const picture = await blob.arrayBuffer();
    if (!this.open) {
      return;
    }
    this.number = (this.number + 1) % 2 ** 32;
    const message = new Uint8Array(4 + picture.byteLength);
    new DataView(message.buffer).setUint32(0, this.number, true);
    message.set(new Uint8Array(picture), 4);
    this.unanswered.push({ number: this.number, sent: performance.now(), about });
    this.socket.send(message);
  }
}
