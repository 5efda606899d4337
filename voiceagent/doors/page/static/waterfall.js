// Where the time of a turn went: its stages as bars on one axis, and the delay that a listener notices.

import { make } from "./dom.js";

const MOST_TURNS = 10;
const MOST_TICKS = 4;

/** The stages, and whose work each is. */
const WORK = new Map([
  ["silence", "hears"],
  ["transcript", "hears"],
  ["turn decision", "hears"],
  ["first token", "thinks"],
  ["first segment", "thinks"],
  ["first audio", "speaks"],
  ["first packet", "speaks"],
]);

const SPECULATION = new Map([
  ["used", "It was prepared while you paused."],
  ["dropped", "What was prepared early was dropped: you went on."],
]);

/**
 * @typedef {object} Trace times in milliseconds after the end of the user's speech
 * @property {number} turn
 * @property {number} generation
 * @property {number | null} voice_to_voice_ms
 * @property {{name: string, start_ms: number, end_ms: number}[]} spans
 * @property {string} outcome
 * @property {string} speculation
 */

const whole = (/** @type {number} */ ms) => Math.round(ms).toLocaleString("en");

/** The smallest of 1, 2, 5, 10, 20, 50 ... that splits `span` into at most MOST_TICKS parts. */
function tickStep(/** @type {number} */ span) {
  const size = 10 ** Math.floor(Math.log10(span / MOST_TICKS));
  return size * ([1, 2, 5].find((factor) => span / (size * factor) <= MOST_TICKS) ?? 10);
}

export class Waterfall {
  #parts;
  /** @type {{trace: Trace, label: HTMLLabelElement, input: HTMLInputElement, bar: HTMLElement}[]} */
  #turns = [];

  /** @param {{headline: HTMLElement, number: HTMLElement, words: HTMLElement, history: HTMLElement, stages: HTMLElement, axis: HTMLElement}} parts */
  constructor(parts) {
    this.#parts = parts;
    // Before the first turn: what will be shown, and nothing that looks like a measurement.
    parts.stages.replaceChildren(...[...WORK.keys()].map((name) => this.#row(name, make("span"), "")));
  }

  /** @param {Trace} trace */
  add(trace) {
    // A user who looks at an older turn keeps it in view.
    const follow = !this.#turns.length || Boolean(this.#turns.at(-1)?.input.checked);
    const input = make("input", { type: "radio", name: "turn" });
    const heard = trace.voice_to_voice_ms;
    const spoken = heard === null ? "no answer heard" : `${whole(heard)} milliseconds`;
    input.setAttribute("aria-label", `Turn ${trace.turn}: ${spoken}, ${trace.outcome}`);
    const bar = make("i");
    const label = make("label", { title: `Turn ${trace.turn}: ${spoken}` }, input, bar, make("b", { textContent: trace.turn }));
    input.addEventListener("change", () => this.#show(trace));
    this.#parts.history.append(label);
    this.#parts.history.hidden = false;
    this.#turns.push({ trace, label, input, bar });
    if (this.#turns.length > MOST_TURNS) {
      const gone = this.#turns.shift();
      gone?.label.remove();
      if (gone?.input.checked) this.#choose(0);
    }
    this.#scale();
    if (follow) this.#choose(-1);
  }

  #choose(/** @type {number} */ index) {
    const chosen = this.#turns.at(index);
    if (!chosen) return;
    chosen.input.checked = true;
    this.#show(chosen.trace);
  }

  #scale() {
    const slowest = Math.max(1, ...this.#turns.map(({ trace }) => trace.voice_to_voice_ms ?? 0));
    for (const { trace, bar } of this.#turns) bar.style.height = `${((trace.voice_to_voice_ms ?? 0) / slowest) * 46}px`;
  }

  #median() {
    const heard = this.#turns.flatMap(({ trace }) => trace.voice_to_voice_ms ?? []).sort((a, b) => a - b);
    const middle = heard.length / 2;
    return heard.length % 2 ? heard[Math.floor(middle)] : (heard[middle - 1] + heard[middle]) / 2;
  }

  #show(/** @type {Trace} */ trace) {
    const heard = trace.voice_to_voice_ms;
    this.#parts.headline.classList.toggle("waiting", heard === null);
    this.#parts.stages.classList.remove("waiting");
    this.#parts.number.textContent = heard === null ? "–" : whole(heard);
    const sentences = [`Turn ${trace.turn}, from your last sound to the first of the answer.`];
    if (heard === null) sentences[0] = `Turn ${trace.turn}: no spoken answer followed on speech (${trace.outcome}).`;
    else if (this.#turns.length > 1) sentences.push(`Median of ${this.#turns.length}: ${whole(this.#median())} ms.`);
    sentences.push(SPECULATION.get(trace.speculation) ?? "");
    this.#parts.words.textContent = sentences.join(" ").trim();
    this.#bars(trace);
  }

  #bars(/** @type {Trace} */ { spans, voice_to_voice_ms: heard }) {
    const from = Math.min(0, ...spans.map((span) => span.start_ms));
    const to = Math.max(from + 1, heard ?? 0, ...spans.map((span) => span.end_ms)) * 1.04;
    const percent = (/** @type {number} */ ms) => `${((ms - from) / (to - from)) * 100}%`;
    this.#parts.stages.replaceChildren(
      ...spans.map(({ name, start_ms: start, end_ms: end }) => {
        const bar = make("span", { className: `bar ${WORK.get(name) ?? "thinks"}` }); // else a tool
        bar.style.left = percent(start);
        bar.style.width = `${((end - start) / (to - from)) * 100}%`;
        const took = make("span", { className: "took" }, whole(end - start), make("span", { className: "unseen", textContent: " milliseconds" }));
        const row = this.#row(name, bar, took);
        row.title = `${name}: from ${whole(start)} to ${whole(end)} ms after your last sound`;
        return row;
      }),
    );
    const step = tickStep(to - from);
    const ticks = [];
    for (let ms = Math.ceil(from / step) * step; ms <= to; ms += step) {
      const crowded = heard !== null && Math.abs(ms - heard) < (to - from) * 0.13;
      ticks.push(this.#tick(percent(ms), crowded ? "" : whole(ms), ""));
    }
    if (heard !== null) ticks.push(this.#tick(percent(heard), "heard", "heard-at"));
    this.#parts.axis.replaceChildren(...ticks);
  }

  #row(/** @type {string} */ name, /** @type {HTMLElement} */ bar, /** @type {HTMLElement | string} */ took) {
    return make("li", {}, make("span", { textContent: name }), make("span", { className: "track" }, bar), took);
  }

  #tick(/** @type {string} */ left, /** @type {string} */ text, /** @type {string} */ className) {
    const tick = make("span", { className }, ...(text ? [make("em", { textContent: text })] : []));
    tick.style.left = left;
    return tick;
  }
}
