// The call as the user sees it: connected until they hang up. It opens connections, tries again with
// back-off when one is refused or lost, and gives up when that cannot help.

import { getConfig } from "./api.js";
import { Connection } from "./connection.js";
import { Problem } from "./problems.js";
import { Resumption } from "./resume.js";

const FIRST_WAIT_S = 0.5;
const LONGEST_WAIT_S = 15;
const JITTER = 0.2; // so that the callers of a restarting server do not all come back at once
const MOST_TRIES = 12;

/** @typedef {"idle" | "connecting" | "connected" | "waiting"} State */

export class Call {
  /** @type {State} */
  state = "idle";
  #handlers;
  /** @type {Connection | null} */
  #connection = null;
  #attempt = 0; // grows with every attempt and hang-up: reports of older ones are ignored
  #tries = 0;
  #timer = 0;
  #resumption = new Resumption();

  /**
   * @param {object} handlers
   * @param {() => Promise<MediaStreamTrack | null>} handlers.microphone asked before each attempt; null: listen only
   * @param {(state: State, waitSeconds: number) => void} handlers.state
   * @param {(config: any) => void} handlers.config
   * @param {(message: any) => void} handlers.message
   * @param {(stream: MediaStream) => void} handlers.stream
   * @param {(rttMs: number) => void} handlers.rtt
   * @param {(problem: Problem) => void} handlers.problem
   */
  constructor(handlers) {
    this.#handlers = handlers;
    addEventListener("online", () => (this.state === "waiting" ? this.retryNow() : this.#connection?.restart()));
  }

  start() {
    if (this.state !== "idle") return;
    if (!("RTCPeerConnection" in globalThis)) {
      this.#handlers.problem(new Problem("no_webrtc"));
      return;
    }
    this.#tries = 0;
    this.#connect();
  }

  /** Whether the page was loaded again in the middle of a call, which can go on. */
  get brokeOff() {
    return this.state === "idle" && this.#resumption.claim !== null;
  }

  retryNow() {
    if (this.state === "waiting") this.#connect();
  }

  hangUp() {
    this.send({ type: "hangup" });
    this.#resumption.forget();
    this.#drop();
    this.#enter("idle");
  }

  /** The page goes. If it is loaded again soon, the call goes on. */
  leave() {
    if (this.state === "idle") return;
    this.#resumption.leave();
    this.send({ type: "away" });
    this.#drop();
    this.#enter("idle");
  }

  /** Ends this connection and goes on by a new one at once, as for a microphone that came later. */
  restart() {
    this.send({ type: "away" });
    this.#drop();
    this.#connect();
  }

  /** @param {object} message @returns {boolean} whether it left */
  send(message) {
    return this.#connection?.send(message) ?? false;
  }

  /** @param {MediaStreamTrack} track @returns {Promise<boolean>} false where only a restart can carry it */
  async useMicrophone(track) {
    if (!this.#connection?.sender) return false;
    await this.#connection.sender.replaceTrack(track);
    return true;
  }

  async #connect() {
    this.#drop();
    const attempt = this.#attempt;
    const current = () => attempt === this.#attempt;
    this.#enter("connecting");
    try {
      const track = await this.#handlers.microphone();
      if (!current()) return;
      const config = await getConfig();
      if (!current()) return;
      this.#handlers.config(config);
      this.#connection = new Connection(config.ice_servers ?? [], {
        message: (message) => current() && this.#receive(message),
        stream: (stream) => current() && this.#handlers.stream(stream),
        rtt: (ms) => current() && this.#handlers.rtt(ms),
        lost: (problem) => current() && this.#again(problem),
      });
      await this.#connection.open(track, this.#resumption.claim);
      if (!current()) return;
      this.#tries = 0;
      this.#enter("connected");
    } catch (error) {
      if (current()) this.#again(error instanceof Problem ? error : new Problem("unreachable", { message: String(error) }));
    }
  }

  #receive(/** @type {any} */ message) {
    if (message.type === "session") this.#resumption.begin(message);
    else if (message.type === "agent.word") this.#resumption.heard(message.generation, message.segment, message.word);
    if (message.type === "bye") this.#bye(message.reason);
    else this.#handlers.message(message);
  }

  #bye(/** @type {string} */ reason) {
    if (reason === "restart") {
      this.#again(new Problem("restart"));
      return;
    }
    this.#drop();
    this.#resumption.forget();
    this.#enter("idle");
    if (reason === "hangup") return;
    if (reason === "moved") {
      this.#handlers.problem(new Problem("moved"));
      return;
    }
    const message = reason ? `It said: ${reason}. Press Connect to start again.` : "";
    this.#handlers.problem(new Problem("ended", { message }));
  }

  #again(/** @type {Problem} */ problem) {
    this.#drop();
    this.#tries += 1;
    const end = problem.final || this.#tries >= MOST_TRIES;
    if (end) {
      this.#enter("idle");
      // A server that says when to come back was reached: its own words say why there was no place.
      this.#handlers.problem(problem.final || problem.retryAfter ? problem : new Problem("gave_up"));
      return;
    }
    const backOff = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (this.#tries - 1));
    const wait = Math.max(problem.retryAfter, backOff * (1 + JITTER * (2 * Math.random() - 1)));
    this.#timer = setTimeout(() => this.#connect(), wait * 1000);
    this.#enter("waiting", wait);
    this.#handlers.problem(problem);
  }

  #drop() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = null;
  }

  #enter(/** @type {State} */ state, waitSeconds = 0) {
    this.state = state;
    this.#handlers.state(state, waitSeconds);
  }
}
