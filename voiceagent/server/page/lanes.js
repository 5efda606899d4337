// The last ten seconds of the machine: a row for each lane, a block for each step that ran on it.

import { colour, make, reducedMotion, surface } from "./dom.js";

const WINDOW_S = 10;
const LATE_S = 0.35; // the strip runs this far behind, so that blocks arrive before the edge reaches them
const CALM_MS = 500; // between two pictures where less motion is asked for
const BUSY_MS = 1000; // between two readings of the percentages
const FAINTEST = 0.4;
const PULL = 0.02; // share of a late report by which the clock gives way: follows drift, not jitter

const LANES = new Map([
  ["vad", ["VAD", "voice activity: is someone speaking?"]],
  ["asr", ["ASR", "speech to text"]],
  ["turn", ["Turn", "is the turn over?"]],
  ["llm", ["LLM", "what to answer"]],
  ["tts", ["TTS", "text to speech"]],
]);

/**
 * @typedef {object} Step times in seconds on the server's clock
 * @property {string} lane
 * @property {string} key
 * @property {number} start
 * @property {number} end
 * @property {number | null} generation
 * @property {boolean} mine
 */

export class Lanes {
  #canvas;
  #words;
  /** @type {Map<string, {row: number, busy: HTMLElement, steps: Step[]}>} */
  #lanes = new Map();
  #ahead = NaN; // server clock minus the page's, in seconds, as if messages took no time
  #frame = 0;
  #drawnAt = 0;
  #busyAt = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} list gets the names and how busy each lane was
   * @param {HTMLElement} words gets the step under the pointer
   */
  constructor(canvas, list, words) {
    this.#canvas = canvas;
    this.#words = words;
    for (const [lane, [name, title]] of LANES) {
      const busy = make("dd");
      list.append(make("div", { title }, make("dt", { textContent: name }), busy));
      this.#lanes.set(lane, { row: this.#lanes.size, busy, steps: [] });
    }
    new ResizeObserver(() => this.#draw(performance.now())).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(performance.now()));
    canvas.addEventListener("pointermove", (event) => this.#point(event.offsetX, event.offsetY));
    canvas.addEventListener("pointerleave", () => (words.textContent = ""));
  }

  /** @param {number} now the server's clock as it sent them @param {Step[]} steps those that ended since the last message */
  add(now, steps) {
    const seen = now - performance.now() / 1000;
    if (!(seen <= this.#ahead)) this.#ahead = seen;
    else this.#ahead += (seen - this.#ahead) * PULL;
    for (const step of steps) this.#lanes.get(step.lane)?.steps.push(step);
    for (const lane of this.#lanes.values()) lane.steps = lane.steps.filter(({ end }) => end > now - WINDOW_S - 1);
  }

  start() {
    this.#ahead = NaN;
    for (const lane of this.#lanes.values()) lane.steps = [];
    if (!this.#frame) this.#tick(performance.now());
  }

  /** Holds the last picture still. */
  stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #tick(/** @type {number} */ now) {
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
    if (now - this.#busyAt > BUSY_MS) this.#tellBusy(now);
    if (reducedMotion() && now - this.#drawnAt < CALM_MS) return;
    this.#drawnAt = now;
    this.#draw(now);
  }

  /** The server's time at the right edge. */
  #edge(/** @type {number} */ now) {
    return now / 1000 + this.#ahead - LATE_S;
  }

  #draw(/** @type {number} */ now) {
    const { context, width, height } = surface(this.#canvas);
    const tall = height / LANES.size;
    context.fillStyle = colour("line");
    for (let row = 0; row < LANES.size; row++) context.fillRect(0, (row + 0.5) * tall - 0.5, width, 1);
    const edge = this.#edge(now);
    if (Number.isNaN(edge)) return;
    const x = (/** @type {number} */ time) => width * (1 - (edge - time) / WINDOW_S);
    for (let second = Math.ceil(edge - WINDOW_S); second <= edge; second++) context.fillRect(x(second), 0, 1, height);
    for (const { row, steps } of this.#lanes.values()) {
      for (const mine of [false, true]) {
        for (const step of steps) {
          if (step.mine !== mine) continue;
          context.fillStyle = colour(this.#paint(step));
          const left = x(step.start);
          const wide = x(step.end) - left;
          context.globalAlpha = Math.max(FAINTEST, Math.min(1, wide)); // thinner than a pixel: fainter instead
          context.fillRect(left, row * tall + 4, Math.max(1, wide), tall - 8);
        }
      }
    }
    context.globalAlpha = 1;
  }

  #paint(/** @type {Step} */ { mine, generation }) {
    if (!mine) return "others";
    if (generation === null) return "listening";
    return generation % 2 ? "odd" : "even";
  }

  #tellBusy(/** @type {number} */ now) {
    const edge = this.#edge(now);
    if (Number.isNaN(edge)) return;
    this.#busyAt = now;
    for (const { busy, steps } of this.#lanes.values()) {
      const worked = steps.reduce((sum, { start, end }) => sum + Math.max(0, end - Math.max(start, edge - WINDOW_S)), 0);
      busy.textContent = `${Math.min(100, Math.round((worked / WINDOW_S) * 100))} %`;
    }
  }

  #point(/** @type {number} */ x, /** @type {number} */ y) {
    const { clientWidth, clientHeight } = this.#canvas;
    const time = this.#edge(performance.now()) - WINDOW_S * (1 - x / clientWidth);
    const slip = (2 / clientWidth) * WINDOW_S; // two pixels beside it still means it
    const row = Math.floor((y / clientHeight) * LANES.size);
    const steps = [...this.#lanes.values()][row]?.steps ?? [];
    const step = steps.find(({ start, end }) => start - slip <= time && time <= end + slip);
    const answer = step?.generation === null ? "" : `, answer ${step?.generation}`;
    this.#words.textContent = step ? `${step.key} ${((step.end - step.start) * 1000).toFixed(1)} ms${answer}` : "";
  }
}
