// One response of the agent in the transcript: words about to be spoken are dim, heard ones
// light up, and those that an interruption cut are struck through.

import { make } from "./dom.js";

/** @typedef {"completed" | "interrupted" | "failed" | "cancelled"} Outcome */

export class Response {
  element;
  ended = false;
  #said = make("p", { className: "said", dir: "auto" });
  /** @type {HTMLElement[]} */
  #words = [];
  /** @type {number[]} */
  #starts = []; // of each segment: the count of words before it
  #heard = 0; // words
  #tag = make("span", { className: "tag" });

  /** @param {string} speaker */
  constructor(speaker) {
    this.element = make(
      "li",
      { className: "entry-agent" },
      make("p", { className: "speaker", textContent: speaker }),
      this.#said,
    );
  }

  /** @param {number} index of the segment @param {string[]} words */
  addSegment(index, words) {
    if (index in this.#starts) return;
    this.#starts[index] = this.#words.length;
    for (const textContent of words) {
      const word = make("span", { className: "word", textContent });
      this.#said.append(this.#words.length ? " " : "", word);
      this.#words.push(word);
    }
  }

  /** Word `word` of segment `segment` begins to be heard, and all before it were. */
  hear(/** @type {number} */ segment, /** @type {number} */ word) {
    const start = this.#starts[segment];
    if (start === undefined || this.ended) return;
    this.#light(start + word + 1);
    for (const [index, element] of this.#words.entries()) element.classList.toggle("now", index === this.#heard - 1);
  }

  /** The playout waits: you made a sound, and it is not yet clear whether you want the floor. */
  pause(/** @type {boolean} */ paused) {
    if (this.ended) return;
    this.#note(paused ? "waits for you" : "");
  }

  /** @param {Outcome} outcome @param {number} heard words that were heard; unknown: those lit so far */
  end(outcome, heard = this.#heard) {
    this.ended = true;
    this.#light(outcome === "completed" ? this.#words.length : heard);
    for (const word of this.#words) word.classList.remove("now");
    const cut = this.#words.slice(this.#heard);
    if (outcome !== "completed" && cut.length) this.#strike(cut);
    this.#note({ interrupted: "interrupted", failed: "broke off", cancelled: "", completed: "" }[outcome]);
  }

  get heardText() {
    return this.#words.slice(0, this.#heard).map((word) => word.textContent).join(" ");
  }

  get wasHeard() {
    return this.#heard > 0;
  }

  #light(/** @type {number} */ count) {
    this.#heard = Math.max(0, Math.min(count, this.#words.length));
    for (const [index, word] of this.#words.entries()) word.classList.toggle("heard", index < this.#heard);
  }

  #strike(/** @type {HTMLElement[]} */ cut) {
    const struck = make("del", { className: "cut" });
    cut[0].before(struck);
    // Screen readers do not announce a strike-through: say it.
    struck.append(make("span", { className: "unseen", textContent: "Not heard: " }));
    struck.append(...cut.flatMap((word, index) => (index ? [" ", word] : [word])));
  }

  #note(/** @type {string} */ text) {
    this.#tag.textContent = text;
    if (text) this.#said.append(" ", this.#tag);
    else this.#tag.remove();
  }
}
