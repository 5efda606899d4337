// Looks on at the conversation that the server's own microphone and loudspeaker hold (`voiceagent talk --page`): the
// same messages as in a call, a line of JSON each, from what was said so far to the end.

import { Problem } from "./problems.js";
import { authorization } from "./token.js";

const AGAIN_MS = 2000;

export class Onlooker {
  #handlers;
  /** @type {AbortController | null} */
  #reading = null;

  /**
   * @param {object} handlers
   * @param {() => void} handlers.begun from the first word on, also after a connection that was lost
   * @param {(message: any) => void} handlers.message
   * @param {() => void} handlers.over the conversation has ended
   */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  get active() {
    return this.#reading !== null;
  }

  start() {
    if (this.#reading) return;
    this.#reading = new AbortController();
    this.#follow(this.#reading.signal);
  }

  stop() {
    this.#reading?.abort();
    this.#reading = null;
  }

  /** @param {AbortSignal} signal */
  async #follow(signal) {
    while (!signal.aborted) {
      try {
        if (await this.#read(signal)) {
          this.stop();
          this.#handlers.over();
          return;
        }
      } catch {
        // the server is away, or has no room: again below
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<boolean>} whether the conversation is over */
  async #read(signal) {
    const response = await fetch(new URL("page/watch", document.baseURI), { signal, headers: authorization() });
    if (response.status === 404) return true;
    if (!response.ok || !response.body) throw new Problem("unreachable");
    this.#handlers.begun();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return false;
      const whole = (rest + value).split("\n");
      rest = whole.pop() ?? "";
      for (const line of whole) {
        const message = JSON.parse(line);
        if (message.type === "bye") return true;
        this.#handlers.message(message);
      }
    }
  }
}
