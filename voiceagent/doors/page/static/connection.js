// One peer connection, from offer to end: audio both ways, one data channel, pings. It never tries again;
// call.js does that with a new one.

import { patchCandidates, postOffer, renegotiate } from "./api.js";
import { Problem } from "./problems.js";

const OPEN_TIMEOUT_MS = 15_000;
const PING_EVERY_MS = 1000;
const RESTART_AFTER_MS = 2000; // an unanswered ping this old means that there may be another way, as after a change of networks
const LOST_AFTER_MS = 6000; // and this old, that the other side is gone
const TRICKLE_MS = 20; // candidates come in bursts: one request carries a burst

export class Connection {
  #peer;
  #channel;
  #handlers;
  #id = "";
  #closed = false;
  #opened = false;
  /** @type {RTCIceCandidate[]} */
  #candidates = [];
  #trickle = 0;
  #pings = 0;
  #unansweredSince = 0;
  #restarting = false;
  #negotiating = false; // the server does not know of the newest offer yet, and would refuse its candidates

  /**
   * @param {RTCIceServer[]} iceServers
   * @param {object} handlers none is called after close()
   * @param {(message: any) => void} handlers.message each message of the server's, parsed
   * @param {(stream: MediaStream) => void} handlers.stream the agent's audio
   * @param {(rttMs: number) => void} handlers.rtt
   * @param {(problem: Problem) => void} handlers.lost once, after open() had succeeded
   */
  constructor(iceServers, handlers) {
    this.#handlers = handlers;
    this.#peer = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#channel = this.#peer.createDataChannel("voiceagent", { ordered: true });
  }

  /**
   * Resolves when messages can be sent. The offer leaves at once; candidates follow as they are found.
   * @param {MediaStreamTrack | null} track the microphone; null asks for the agent's audio alone
   * @param {import("./resume.js").Claim | null} resume the call that this one goes on with
   */
  async open(track, resume) {
    const peer = this.#peer;
    const audio = peer.addTransceiver(track ?? "audio", { direction: track ? "sendrecv" : "recvonly" });
    this.sender = track ? audio.sender : null;
    peer.ontrack = (event) => {
      if (!this.#closed) this.#handlers.stream(event.streams[0] ?? new MediaStream([event.track]));
    };
    peer.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      this.#candidates.push(candidate);
      this.#scheduleTrickle();
    };
    const opened = this.#whenOpen();
    opened.catch(() => {}); // awaited below; it may fail while the offer is still on its way
    try {
      await peer.setLocalDescription();
      await this.#negotiate(resume);
    } catch (error) {
      this.close();
      throw error;
    }
    await opened;
  }

  /** @param {object} message @returns {boolean} whether it left */
  send(message) {
    if (this.#closed || this.#channel.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  close() {
    this.#closed = true;
    clearInterval(this.#pings);
    clearTimeout(this.#trickle);
    this.#peer.close();
  }

  /** Looks for another way to the server, with the network as it is now. The call goes on; nothing is told but by sound. */
  async restart() {
    if (this.#closed || !this.#opened || this.#restarting) return;
    this.#restarting = this.#negotiating = true;
    try {
      this.#peer.restartIce();
      await this.#peer.setLocalDescription();
      const answer = await renegotiate(/** @type {RTCSessionDescription} */ (this.#peer.localDescription), this.#id);
      this.#negotiating = false;
      if (this.#closed) return;
      this.#scheduleTrickle();
      await this.#peer.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
    } catch {
      // It shows soon: pings stay unanswered, and the call goes on by another connection.
    }
  }

  async #negotiate(/** @type {import("./resume.js").Claim | null} */ resume) {
    const answer = await postOffer(/** @type {RTCSessionDescription} */ (this.#peer.localDescription), resume);
    if (this.#closed) return;
    this.#id = answer.pc_id;
    this.#scheduleTrickle();
    await this.#peer.setRemoteDescription({ sdp: answer.sdp, type: answer.type }).catch((error) => {
      throw new Problem("bad_sdp", { message: `The browser refused the server's answer: ${error.message}` });
    });
  }

  #whenOpen() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(new Problem("no_path")), OPEN_TIMEOUT_MS);
      const fail = (/** @type {Problem} */ problem) => {
        clearTimeout(timer);
        if (this.#closed) return;
        this.close();
        if (this.#opened) this.#handlers.lost(problem);
        else reject(problem);
      };
      this.#channel.onopen = () => {
        clearTimeout(timer);
        this.#opened = true;
        this.#pings = setInterval(() => this.#ping(fail), PING_EVERY_MS);
        resolve(undefined);
      };
      this.#channel.onmessage = (event) => this.#receive(event.data);
      this.#channel.onclose = () => fail(new Problem("connection_lost"));
      this.#peer.onconnectionstatechange = () => {
        if (this.#peer.connectionState === "disconnected") this.restart();
        if (this.#peer.connectionState === "failed") fail(new Problem(this.#opened ? "connection_lost" : "no_path"));
      };
    });
  }

  #ping(/** @type {(problem: Problem) => void} */ fail) {
    const now = performance.now();
    const silentMs = this.#unansweredSince ? now - this.#unansweredSince : 0;
    if (silentMs > LOST_AFTER_MS) {
      fail(new Problem("connection_lost"));
      return;
    }
    if (silentMs > RESTART_AFTER_MS) this.restart();
    this.#unansweredSince ||= now;
    this.send({ type: "ping", t: now });
  }

  #receive(/** @type {unknown} */ data) {
    if (this.#closed || typeof data !== "string") return;
    const message = JSON.parse(data);
    if (message.type !== "pong") {
      this.#handlers.message(message);
      return;
    }
    this.#unansweredSince = 0;
    this.#restarting = false;
    this.#handlers.rtt(performance.now() - message.t);
  }

  #scheduleTrickle() {
    if (!this.#id || this.#negotiating || this.#trickle || !this.#candidates.length) return;
    this.#trickle = setTimeout(() => {
      this.#trickle = 0;
      // A candidate that does not arrive costs one possible path; a connection that finds none says so itself.
      patchCandidates(this.#id, this.#candidates.splice(0)).catch(() => {});
    }, TRICKLE_MS);
  }
}
