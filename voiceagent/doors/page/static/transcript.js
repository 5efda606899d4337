// The conversation in words: your turns as they are understood, the agent's as they are heard.

import { make } from "./dom.js";
import { Response } from "./response.js";

const MOST_ENTRIES = 300; // older ones leave the page, so that a day-long talk does not slow it down
const NEAR_END_PX = 60;

export class Transcript {
  #log;
  #list;
  #latest;
  #announce;
  /** @type {Map<number, HTMLElement>} */
  #turns = new Map();
  /** @type {Map<number, Response>} */
  #responses = new Map();
  #generation = -Infinity; // the newest; anything older is over
  /** @type {HTMLElement[]} */
  #typed = []; // sent, and not yet confirmed by the server
  agent = "Agent";

  /**
   * @param {HTMLElement} log the element that scrolls
   * @param {HTMLElement} list where entries go
   * @param {HTMLButtonElement} latest goes to the end; shown while the person reads further up
   * @param {(who: string, text: string) => void} announce what was said, once it is certain
   */
  constructor(log, list, latest, announce) {
    this.#log = log;
    this.#list = list;
    this.#latest = latest;
    this.#announce = announce;
    latest.addEventListener("click", () => this.#toEnd());
    log.addEventListener("scroll", () => {
      if (this.#atEnd) latest.hidden = true;
    });
  }

  get isEmpty() {
    return !this.#list.hasChildNodes();
  }

  /** The session is over: what stands here stays, closed. The next one counts turns and generations from the start. */
  endSession() {
    for (const response of this.#responses.values()) this.#end(response, "failed");
    for (const entry of this.#list.querySelectorAll(".partial")) entry.classList.remove("partial");
    this.#turns.clear();
    this.#responses.clear();
    this.#typed = [];
    this.#generation = -Infinity;
  }

  /** As if nothing had been said. */
  clear() {
    this.#list.replaceChildren();
  }

  /** A line between entries, such as "Connected again at 10:15". */
  note(/** @type {string} */ text) {
    this.#add(make("li", { className: "note", textContent: text }));
  }

  /** What was said before the page was loaded. */
  recall(/** @type {"user" | "assistant"} */ role, /** @type {string} */ text) {
    if (role === "user") {
      /** @type {HTMLElement} */ (this.#addUser().lastElementChild).textContent = text;
      return;
    }
    const response = new Response(this.agent);
    this.#add(response.element);
    response.addSegment(0, text.split(/\s+/));
    response.end("completed");
  }

  /** All the words of a turn so far; later calls for the same turn replace them. */
  user(/** @type {number} */ turn, /** @type {string} */ text, /** @type {boolean} */ final) {
    const entry = this.#turns.get(turn) ?? this.#begin(turn, text);
    const said = /** @type {HTMLElement} */ (entry.lastElementChild);
    const news = said.textContent !== text || entry.classList.contains("partial");
    this.#keepingEnd(() => {
      said.textContent = text;
      entry.classList.toggle("partial", !final);
    });
    if (final && news) this.#announce("You", text);
  }

  /** What is shown of a turn counts for nothing (an "mm-hm", say); what comes under its number next is another. */
  setAside(/** @type {number} */ turn) {
    const entry = this.#turns.get(turn);
    this.#turns.delete(turn);
    entry?.classList.remove("partial");
    entry?.classList.add("aside");
    entry?.append(make("p", { className: "fate", textContent: "Set aside" }));
  }

  /** A typed message that has just been sent; the server's `user.final` of the same text confirms it. */
  typed(/** @type {string} */ text) {
    const entry = this.#addUser();
    entry.classList.add("pending");
    entry.dataset.text = text.trim();
    this.#keepingEnd(() => (/** @type {HTMLElement} */ (entry.lastElementChild).textContent = text));
    this.#typed.push(entry);
  }

  segment(/** @type {number} */ generation, /** @type {number} */ index, /** @type {string[]} */ words) {
    if (generation < this.#generation) return;
    this.#generation = generation;
    for (const [older, response] of this.#responses) if (older < generation) this.#end(response, "interrupted");
    let response = this.#responses.get(generation);
    if (!response) {
      response = new Response(this.agent);
      this.#responses.set(generation, response);
      this.#add(response.element);
    }
    const grown = response;
    this.#keepingEnd(() => grown.addSegment(index, words));
  }

  word(/** @type {number} */ generation, /** @type {number} */ segment, /** @type {number} */ word) {
    this.#responses.get(generation)?.hear(segment, word);
  }

  pause(/** @type {number} */ generation, /** @type {boolean} */ paused) {
    const response = this.#responses.get(generation);
    if (response) this.#keepingEnd(() => response.pause(paused));
  }

  /**
   * @param {number} generation
   * @param {import("./response.js").Outcome} outcome
   * @param {number} heardWords
   */
  end(generation, outcome, heardWords) {
    const response = this.#responses.get(generation);
    if (response) this.#end(response, outcome, heardWords);
  }

  #end(
    /** @type {Response} */ response,
    /** @type {import("./response.js").Outcome} */ outcome,
    /** @type {number | undefined} */ heardWords = undefined,
  ) {
    if (response.ended) return;
    this.#keepingEnd(() => response.end(outcome, heardWords));
    // Prepared and dropped before any of its sound was sent: it was never part of the conversation.
    if (outcome === "cancelled" && !response.wasHeard) response.element.remove();
    if (response.wasHeard) this.#announce(this.agent, response.heardText);
  }

  /** The entry of a turn not seen before: the typed message that it confirms, or a new one. */
  #begin(/** @type {number} */ turn, /** @type {string} */ text) {
    const typed = this.#typed.find((element) => element.dataset.text === text.trim());
    this.#typed = this.#typed.filter((element) => element !== typed);
    const entry = typed ?? this.#addUser();
    entry.classList.remove("pending");
    this.#turns.set(turn, entry);
    return entry;
  }

  #addUser() {
    const entry = make(
      "li",
      { className: "entry-user" },
      make("p", { className: "speaker", textContent: "You" }),
      make("p", { className: "said", dir: "auto" }),
    );
    this.#add(entry);
    return entry;
  }

  #add(/** @type {HTMLElement} */ entry) {
    this.#keepingEnd(() => {
      this.#list.append(entry);
      while (this.#list.childElementCount > MOST_ENTRIES) this.#list.firstElementChild?.remove();
    });
  }

  get #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#latest.hidden = true;
  }

  /** Changes something and follows the end, unless the user has scrolled up to read. */
  #keepingEnd(/** @type {() => void} */ change) {
    const follow = this.#atEnd;
    change();
    if (follow) this.#toEnd();
    else this.#latest.hidden = false;
  }
}
