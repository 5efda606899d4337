// Who has the floor, seen: your sound flows out to the left of the middle, the agent's to the right. Levels
// are measured here, on what the microphone gives and what is really played; where the browser measures
// nothing, the server's own levels are shown.

import { colour, reducedMotion, surface } from "./dom.js";

const QUIETEST_DB = -58;
const LOUDEST_DB = -12;
const BAR_MS = 55;
const BAR_PX = 4;
const GAP_PX = 3;
const MOST_BARS = 96;
const MIDDLE_PX = 30; // radius of the circle between the two
const WINDOW_SAMPLES = 1024;
const CALM_MS = 250; // between two pictures where less motion is asked for

/** Loudness from 0 to 1 of a level in dBFS. */
const loudness = (/** @type {number} */ db) =>
  Math.min(1, Math.max(0, (db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));

class Side {
  /** @type {AnalyserNode | null} */
  analyser = null;
  #samples = new Float32Array(WINDOW_SAMPLES);
  reported = 0; // the server's measure, 0 to 1
  now = 0;
  bars = new Array(MOST_BARS).fill(0); // newest first

  measure() {
    let heard = this.reported;
    if (this.analyser?.context.state === "running") {
      this.analyser.getFloatTimeDomainData(this.#samples);
      const power = this.#samples.reduce((sum, x) => sum + x * x, 0) / this.#samples.length;
      heard = loudness(10 * Math.log10(power + 1e-12));
    }
    this.now += (heard - this.now) * (heard > this.now ? 0.5 : 0.18); // up fast, down gently
    this.bars[0] = Math.max(this.bars[0], heard);
  }
}

export class Level {
  #canvas;
  #user = new Side();
  #agent = new Side();
  /** @type {AudioContext | null} */
  #audio = null;
  #frame = 0;
  #barSince = 0;
  #drawnAt = 0;
  /** @type {"user" | "agent" | "thinking" | "none"} */
  floor = "none";

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw(performance.now())).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(performance.now()));
  }

  /** Measure this sound; to be called after the user pressed something, or browsers measure silence. */
  listen(/** @type {"user" | "agent"} */ who, /** @type {MediaStream} */ stream) {
    this.#audio ??= new AudioContext();
    this.#audio.resume();
    const side = who === "user" ? this.#user : this.#agent;
    side.analyser?.disconnect();
    side.analyser = new AnalyserNode(this.#audio, { fftSize: WINDOW_SAMPLES });
    this.#audio.createMediaStreamSource(stream).connect(side.analyser);
  }

  /** The server's levels, in dBFS. */
  report(/** @type {number} */ user, /** @type {number} */ agent) {
    this.#user.reported = loudness(user);
    this.#agent.reported = loudness(agent);
  }

  start() {
    if (!this.#frame) this.#tick(performance.now());
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#user = new Side();
    this.#agent = new Side();
    this.#audio?.close();
    this.#audio = null;
    this.floor = "none";
    this.#draw(performance.now());
  }

  #tick(/** @type {number} */ now) {
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
    const sides = [this.#user, this.#agent];
    for (const side of sides) side.measure();
    if (now - this.#barSince > BAR_MS) {
      const steps = Math.min(MOST_BARS, Math.floor((now - this.#barSince) / BAR_MS));
      this.#barSince = steps < MOST_BARS ? this.#barSince + steps * BAR_MS : now;
      for (const { bars } of sides) bars.splice(0, 0, ...new Array(steps).fill(0)), (bars.length = MOST_BARS);
    }
    if (reducedMotion() && now - this.#drawnAt < CALM_MS) return;
    this.#draw(now);
  }

  #draw(/** @type {number} */ now) {
    this.#drawnAt = now;
    const { context, width, height } = surface(this.#canvas);
    if (!width) return;
    const middle = { x: width / 2, y: height / 2 };
    this.#wing(context, middle, -1, this.#user, colour("you"), now);
    this.#wing(context, middle, 1, this.#agent, colour("agent"), now);
    this.#middle(context, middle, now);
  }

  /** The bars of one side; direction is -1 for the left, 1 for the right. */
  #wing(
    /** @type {CanvasRenderingContext2D} */ context,
    /** @type {{x: number, y: number}} */ middle,
    /** @type {number} */ direction,
    /** @type {Side} */ side,
    /** @type {string} */ fill,
    /** @type {number} */ now,
  ) {
    const pitch = BAR_PX + GAP_PX;
    const room = middle.x - MIDDLE_PX - 22;
    const count = Math.min(MOST_BARS, Math.floor(room / pitch));
    const calm = reducedMotion();
    const glide = calm || !this.#frame ? 0 : Math.min(1, (now - this.#barSince) / BAR_MS);
    context.fillStyle = fill;
    for (let index = 0; index < count; index++) {
      // With less motion the wing is a meter that grows from the middle, not a river.
      const value = calm ? (side.now * count > index ? 0.5 : 0) : side.bars[index];
      const far = (index + glide) / count;
      const tall = BAR_PX + value ** 1.3 * (middle.y * 1.72 - BAR_PX) * (1 - 0.35 * far);
      const x = middle.x + direction * (MIDDLE_PX + 18 + (index + glide) * pitch) - BAR_PX / 2;
      context.globalAlpha = (value > 0.03 ? 1 : 0.3) * (1 - far ** 2) * (index ? 1 : glide || 1);
      context.beginPath();
      context.roundRect(x, middle.y - tall / 2, BAR_PX, tall, BAR_PX / 2);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  #middle(
    /** @type {CanvasRenderingContext2D} */ context,
    /** @type {{x: number, y: number}} */ { x, y },
    /** @type {number} */ now,
  ) {
    const holder = { user: "you", agent: "agent", thinking: "thinking", none: "edge" }[this.floor];
    const speaker = this.floor === "user" ? this.#user : this.floor === "agent" ? this.#agent : null;
    const swell = reducedMotion() ? 0 : (speaker?.now ?? 0) * 9;
    const disc = (/** @type {number} */ radius, /** @type {number} */ alpha) => {
      context.globalAlpha = alpha;
      context.beginPath();
      context.arc(x, y, Math.min(radius, y), 0, 2 * Math.PI);
      context.fill();
    };
    context.fillStyle = colour(holder);
    disc(MIDDLE_PX - 4 + swell * 1.6, this.floor === "none" ? 0.12 : 0.2);
    disc(MIDDLE_PX - 11 + swell, this.floor === "none" ? 0.35 : 1);
    context.globalAlpha = 1;
    if (this.floor === "thinking") this.#dots(context, x, y, now);
  }

  #dots(
    /** @type {CanvasRenderingContext2D} */ context,
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {number} */ now,
  ) {
    context.fillStyle = colour("card");
    for (const place of [-1, 0, 1]) {
      const lift = reducedMotion() ? 0 : Math.max(0, Math.sin(now / 190 - place)) * 3;
      context.beginPath();
      context.arc(x + place * 8, y - lift, 2.6, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
