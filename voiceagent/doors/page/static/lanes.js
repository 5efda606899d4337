// The last ten seconds of the machine: a row for each lane, a block for each step that ran on it. The picture stands
// still while the user points at a step or walks over the steps with the arrow keys.

import { colour, make, reducedMotion, surface } from "./dom.js";
import { describe, paint } from "./step.js";

const WINDOW_S = 10;
const LATE_S = 0.35; // the strip runs this far behind, so that blocks arrive before the edge reaches them
const CALM_MS = 500; // between two pictures where less motion is asked for
const BUSY_MS = 1000; // between two readings of the percentages
const FAINTEST = 0.4;
const PULL = 0.02; // share of a late report by which the clock gives way: follows drift, not jitter
const MOST_STEPS = 2000; // kept of a lane, for a user who holds the picture still for long
const STRIPES = 3; // of which a speculative step is drawn, with as much room between them
const HINT = "Point at a step, or walk over them with the arrow keys, to read about it.";

const LANES = new Map([
  ["vad", ["VAD", "voice activity: is someone speaking?"]],
  ["asr", ["ASR", "speech to text"]],
  ["turn", ["Turn", "is the turn over?"]],
  ["llm", ["LLM", "what to answer"]],
  ["tts", ["TTS", "text to speech"]],
]);

/** @typedef {import("./step.js").Step} Step */
/** @typedef {{name: string, row: number, busy: HTMLElement, counts: HTMLElement, steps: Step[]}} Lane */

export class Lanes {
  #canvas;
  #words;
  /** @type {Map<string, Lane>} */
  #lanes = new Map();
  #ahead = NaN; // server clock minus the page's, in seconds, as if messages took no time
  #held = NaN; // the server's time at the right edge, while the picture stands still
  /** @type {Step | null} */
  #chosen = null;
  #row = 0;
  #frame = 0;
  #drawnAt = 0;
  #busyAt = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} list gets the names and how busy each lane was
   * @param {HTMLElement} words gets the step that was pointed at or walked to
   */
  constructor(canvas, list, words) {
    this.#canvas = canvas;
    this.#words = words;
    for (const [lane, [name, title]] of LANES) {
      const [busy, counts] = [make("span"), make("span", { className: "unseen" })];
      list.append(make("div", { title }, make("dt", { textContent: name }), make("dd", {}, busy, counts)));
      this.#lanes.set(lane, { name, row: this.#lanes.size, busy, counts, steps: [] });
    }
    new ResizeObserver(() => this.#draw(performance.now())).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(performance.now()));
    canvas.addEventListener("pointermove", (event) => this.#point(event.offsetX, event.offsetY));
    canvas.addEventListener("pointerleave", () => this.#release());
    canvas.addEventListener("blur", () => this.#release());
    canvas.addEventListener("keydown", (event) => this.#walk(event));
    this.#choose(null);
  }

  /** @param {number} now the server's clock as it sent them @param {Step[]} steps those that ended since the last message */
  add(now, steps) {
    const seen = now - performance.now() / 1000;
    if (!(seen <= this.#ahead)) this.#ahead = seen;
    else this.#ahead += (seen - this.#ahead) * PULL;
    for (const step of steps) this.#lanes.get(step.lane)?.steps.push(step);
    const oldest = (Number.isNaN(this.#held) ? now : this.#held) - WINDOW_S - 1;
    for (const lane of this.#lanes.values()) lane.steps = lane.steps.filter(({ end }) => end > oldest).slice(-MOST_STEPS);
  }

  start() {
    this.#ahead = NaN;
    for (const lane of this.#lanes.values()) lane.steps = [];
    this.#release();
    if (!this.#frame) this.#tick(performance.now());
  }

  /** Holds the last picture still. */
  stop() {
    if (this.#frame && Number.isNaN(this.#held)) this.#held = this.#edge(performance.now());
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #tick(/** @type {number} */ now) {
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
    if (now - this.#busyAt > BUSY_MS) this.#tellBusy(now);
    if (reducedMotion() && now - this.#drawnAt < CALM_MS) return;
    this.#draw(now);
  }

  /** The server's time at the right edge. */
  #edge(/** @type {number} */ now) {
    return Number.isNaN(this.#held) ? now / 1000 + this.#ahead - LATE_S : this.#held;
  }

  #hold() {
    if (Number.isNaN(this.#held)) this.#held = this.#edge(performance.now());
  }

  #release() {
    if (this.#frame) this.#held = NaN; // after the call, the last picture stays
    this.#choose(null);
  }

  #draw(/** @type {number} */ now) {
    this.#drawnAt = now;
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
        for (const step of steps) if (step.mine === mine) this.#block(context, step, x, row * tall, tall);
      }
    }
    context.globalAlpha = 1;
    if (!this.#chosen) return;
    const left = x(this.#chosen.start);
    context.strokeStyle = colour("ink");
    context.lineWidth = 2;
    context.strokeRect(left - 2, this.#row * tall + 2, Math.max(1, x(this.#chosen.end) - left) + 4, tall - 4);
  }

  #block(
    /** @type {CanvasRenderingContext2D} */ context,
    /** @type {Step} */ step,
    /** @type {(time: number) => number} */ x,
    /** @type {number} */ top,
    /** @type {number} */ tall,
  ) {
    const left = x(step.start);
    const wide = x(step.end) - left;
    const high = tall - 10;
    context.fillStyle = colour(paint(step));
    context.globalAlpha = Math.max(FAINTEST, Math.min(1, wide)); // thinner than a pixel: fainter instead
    if (step.need === "speculative") {
      const stripe = high / (2 * STRIPES - 1);
      for (let n = 0; n < STRIPES; n++) context.fillRect(left, top + 5 + 2 * n * stripe, Math.max(1, wide), stripe);
    } else context.fillRect(left, top + 5, Math.max(1, wide), high);
    context.globalAlpha = 1;
    if (step.missed) {
      context.fillStyle = colour("stop");
      context.beginPath();
      context.moveTo(left - 4, top);
      context.lineTo(left + Math.max(1, wide) + 4, top);
      context.lineTo(left + wide / 2, top + 6);
      context.fill();
    }
    const foreseen = (step.predicted_ms ?? 0) / 1000;
    if (x(step.start + foreseen) - left >= 2) {
      context.fillStyle = colour("soft");
      context.fillRect(left, top + tall - 4, x(step.start + foreseen) - left, 1.5);
    }
  }

  #tellBusy(/** @type {number} */ now) {
    const edge = this.#edge(now);
    if (Number.isNaN(edge)) return;
    this.#busyAt = now;
    for (const { busy, counts, steps } of this.#lanes.values()) {
      const worked = steps.reduce((sum, { start, end }) => sum + Math.max(0, end - Math.max(start, edge - WINDOW_S)), 0);
      const stuck = steps.at(-1)?.failure === "hang";
      busy.textContent = stuck ? "stuck" : `${Math.min(100, Math.round((worked / WINDOW_S) * 100))} %`;
      busy.classList.toggle("stuck", stuck);
      const late = steps.filter(({ missed }) => missed).length;
      const failed = steps.filter((step) => step.failure).length;
      counts.textContent = ` busy; steps: ${steps.length}, too late: ${late}, failed: ${failed}`;
    }
  }

  #point(/** @type {number} */ x, /** @type {number} */ y) {
    this.#hold();
    const { clientWidth, clientHeight } = this.#canvas;
    const time = this.#edge(performance.now()) - WINDOW_S * (1 - x / clientWidth);
    const slip = (2 / clientWidth) * WINDOW_S; // two pixels next to it still count
    this.#row = Math.min(LANES.size - 1, Math.max(0, Math.floor((y / clientHeight) * LANES.size)));
    this.#choose(this.#steps().find(({ start, end }) => start - slip <= time && time <= end + slip) ?? null);
  }

  /** The steps of the chosen row that are in the picture, by time. */
  #steps() {
    const edge = this.#edge(performance.now());
    return [...this.#lanes.values()][this.#row].steps.filter(({ start, end }) => end > edge - WINDOW_S && start <= edge);
  }

  #walk(/** @type {KeyboardEvent} */ event) {
    const rows = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const far = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[event.key];
    if (rows === undefined && far === undefined) return;
    event.preventDefault();
    this.#hold();
    if (rows !== undefined) this.#row = (this.#row + rows + LANES.size) % LANES.size;
    const steps = this.#steps();
    const from = this.#chosen && rows === undefined ? steps.indexOf(this.#chosen) : steps.length - 1;
    const start = this.#chosen && far !== undefined ? from + far : from;
    const step = steps[Math.min(steps.length - 1, Math.max(0, far === -Infinity ? 0 : start))] ?? null;
    this.#choose(step);
    if (!step) this.#tell(`${[...this.#lanes.values()][this.#row].name}: no steps in the last ten seconds.`);
  }

  #choose(/** @type {Step | null} */ step) {
    this.#chosen = step;
    this.#tell(step ? describe([...this.#lanes.values()][this.#row].name, step) : HINT);
    const steps = step ? this.#steps() : [];
    this.#canvas.setAttribute("aria-valuemax", String(Math.max(1, steps.length)));
    this.#canvas.setAttribute("aria-valuenow", String(step ? steps.indexOf(step) + 1 : 1));
    if (!this.#frame) this.#draw(performance.now());
  }

  #tell(/** @type {string} */ text) {
    this.#words.textContent = text;
    this.#canvas.setAttribute("aria-valuetext", text);
  }
}
